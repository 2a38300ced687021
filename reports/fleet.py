"""The fleet by box: its regions summed."""

from collections.abc import Iterable
from dataclasses import dataclass

from sim.results.simulation import FleetRow


@dataclass(frozen=True, slots=True)
class BoxTotal:
    """One box over all regions: instances and cost are sums, utilisations the highest.

    `limited_by` is what limits it where it has most instances.
    """

    box: str
    regions: int
    instances: int
    workers: int
    peak_utilisation: float
    utilisation_region_lost: float
    simulated_utilisation: float | None
    limited_by: str
    usd_per_month: float


def by_box(fleet: Iterable[FleetRow]) -> tuple[BoxTotal, ...]:
    """Return one total for each box, in the order in which the boxes first occur."""
    rows_of: dict[str, list[FleetRow]] = {}
    for row in fleet:
        rows_of.setdefault(row.box, []).append(row)
    return tuple(_total(rows) for rows in rows_of.values())


def _total(rows: list[FleetRow]) -> BoxTotal:
    largest = max(rows, key=lambda row: row.instances)
    simulated = [row.simulated_utilisation for row in rows if row.simulated_utilisation is not None]
    return BoxTotal(
        box=largest.box,
        regions=len(rows),
        instances=sum(row.instances for row in rows),
        workers=sum(row.instances * row.workers for row in rows),
        peak_utilisation=max(row.peak_utilisation for row in rows),
        utilisation_region_lost=max(row.utilisation_region_lost for row in rows),
        simulated_utilisation=max(simulated, default=None),
        limited_by=largest.limited_by,
        usd_per_month=sum(row.usd_per_month for row in rows),
    )

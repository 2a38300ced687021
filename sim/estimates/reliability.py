"""Availability in closed form: instances and zones, regions, and what fails everywhere at once."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations

from sim.estimates.sheet import Sheet, cell
from sim.estimates.sizing import BoxFleet, box_fleets
from sim.estimates.workload import work_flow
from sim.theory import availability as theory

_CARRYING_UTILISATION = 0.95
"""A box that would run hotter than this with what is left of it counts as down."""

KOFN = "Trivedi, Probability and Statistics with Reliability (2002), k of n with zones as one cause"


@cell("share", source=KOFN)
def unavailability_boxes(sheet: Sheet) -> float:
    """Some box on the awaited path has too few instances up; users' regions, weighted."""
    regions = sheet.scenario.population.regions
    down = sum(
        region.share * _region_unavailability(sheet, name) for name, region in regions.items()
    )
    return min(1.0, down)  # The shares add up to one but for rounding.


def _region_unavailability(sheet: Sheet, region: str) -> float:
    """Share of time that some box of the region is down: by zones down, the same for all."""
    failures = sheet.scenario.failures
    zone_down = theory.component_unavailability(
        mttf_s=failures.zone_mttf, mttr_s=failures.zone_mttr
    )
    boxes = sheet.once(awaited_boxes)
    return sum(
        math.comb(failures.zones, zones_down)
        * zone_down**zones_down
        * (1 - zone_down) ** (failures.zones - zones_down)
        * theory.series_unavailability(
            [sheet.once(box_unavailability, box)[region][zones_down] for box in boxes]
        )
        for zones_down in range(failures.zones + 1)
    )


@cell("share", source="active-active regions with a failover time")
def unavailability_regions(sheet: Sheet) -> float:
    """Failover of the users of a lost region, and two regions lost at once."""
    failures = sheet.scenario.failures
    regions = len(sheet.scenario.population.regions)
    return theory.active_active_unavailability(
        regions=regions,
        needed_regions=max(1, regions - 1),
        mttf_s=failures.region_mttf,
        mttr_s=failures.region_mttr,
        failover_s=failures.failover,
    )


@cell("share", source="mean time to repair over the sum of both mean times")
def unavailability_global(sheet: Sheet) -> float:
    """Failures of everything at once, such as a bad configuration."""
    failures = sheet.scenario.failures
    return theory.component_unavailability(mttf_s=failures.global_mttf, mttr_s=failures.global_mttr)


@cell("share", source="independent causes in series")
def unavailability(sheet: Sheet) -> float:
    """Boxes, regions and global failures in series."""
    return theory.series_unavailability(
        [unavailability_boxes(sheet), unavailability_regions(sheet), unavailability_global(sheet)]
    )


@cell("share")
def availability(sheet: Sheet) -> float:
    """1 - unavailability."""
    return 1 - unavailability(sheet)


@cell("s/year")
def downtime_s_per_year(sheet: Sheet) -> float:
    """Unavailability × 365 days."""
    return theory.downtime_s_per_year(unavailability=unavailability(sheet))


def awaited_boxes(sheet: Sheet) -> tuple[str, ...]:
    """Return the boxes that some caller waits for; use with `once`."""
    flows = [sheet.once(work_flow, name) for name in sheet.scenario.flows]
    return tuple(dict.fromkeys(step.box for flow in flows for step in flow.steps if step.awaited))


def box_unavailability(sheet: Sheet, name: str) -> Mapping[str, Sequence[float]]:
    """Share of time that a box cannot carry its peak, by region and number of zones down.

    The instances are spread evenly over the zones; those in a zone that is down are lost, each
    zone as likely as another. Use with `once`.
    """
    box, zones = sheet.scenario.boxes[name], sheet.scenario.failures.zones
    instance_down = theory.component_unavailability(mttf_s=box.mttf, mttr_s=box.mttr)
    return {
        fleet.region: [
            _mean(
                _group_unavailability(
                    needed=_needed_instances(fleet), instances=sum(up), instance_down=instance_down
                )
                for up in combinations(_per_zone(fleet.instances, zones), zones - zones_down)
            )
            for zones_down in range(zones + 1)
        ]
        for fleet in sheet.once(box_fleets, name)
    }


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)


def _needed_instances(fleet: BoxFleet) -> int:
    busy_instances = fleet.peak_utilisation * fleet.instances
    return max(1, math.ceil(busy_instances / _CARRYING_UTILISATION))


def _per_zone(instances: int, zones: int) -> list[int]:
    """Instances in each zone, the fuller zones first."""
    return [instances // zones + (zone < instances % zones) for zone in range(zones)]


@lru_cache(maxsize=4096)
def _group_unavailability(*, needed: int, instances: int, instance_down: float) -> float:
    if instances < needed:
        return 1.0
    return theory.k_of_n_unavailability(
        needed=needed, total=instances, unavailability=instance_down
    )


CELLS = (
    unavailability_boxes,
    unavailability_regions,
    unavailability_global,
    unavailability,
    availability,
    downtime_s_per_year,
)

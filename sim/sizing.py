"""Sizing: the least fleet of each box in each region that carries the peak with a region lost."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scenarios.boxes import Box
from scenarios.population import HOURS
from sim.estimates.sheet import Sheet
from sim.theory.gigc import gigc_waiting_time_s
from sim.workload import BoxLoad, workload

_BISECTIONS = 30


@dataclass(frozen=True, slots=True)
class BoxFleet:
    """The instances of one box in one region.

    Attributes:
        peak_utilisation: of the workers at the busiest hour, every region up.
        utilisation_region_lost: likewise with the worst other region down.
        limited_by: what needs the most instances: `workers`, `waiting`, `bandwidth`, `memory` or
            `disk`.
    """

    box: str
    region: str
    instances: int
    workers: int
    peak_utilisation: float
    utilisation_region_lost: float
    limited_by: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """Every box in every region."""

    boxes: tuple[BoxFleet, ...]

    def of(self, box: str, region: str) -> BoxFleet:
        """Return the fleet of a box in a region.

        Raises:
            KeyError: if there is none.
        """
        for fleet in self.boxes:
            if (fleet.box, fleet.region) == (box, region):
                return fleet
        raise KeyError((box, region))

    def instances(self, box: str) -> int:
        """Return the instances of a box in all regions."""
        return sum(fleet.instances for fleet in self.boxes if fleet.box == box)


def sized_fleet(sheet: Sheet) -> Fleet:
    """Return the least fleet that meets the objectives at the peak with any one region lost.

    At the region's busiest hour, with the users of the worst other region shared out by population:
    the workers stay under the target utilisation, the mean wait (Allen-Cunneen, each instance by
    itself behind a random balancer) under its bound, the network under the target utilisation; the
    data fits. Spare instances come on top.
    """
    work = sheet.once(workload)
    peaks = {
        region: (peak_share(sheet, region), peak_share_region_lost(sheet, region))
        for region in sheet.scenario.population.regions
    }
    utilisations = {
        name: _most_utilisation(sheet, box, work.boxes[name])
        for name, box in sheet.scenario.boxes.items()
    }
    return Fleet(
        tuple(
            _box_fleet(name, region, sheet, work.boxes[name], peaks[region], utilisations[name])
            for name in sheet.scenario.boxes
            for region in peaks
        )
    )


def peak_share(sheet: Sheet, region: str) -> float:
    """A region's load at its busiest hour over the whole system's mean load."""
    share: float = sheet.scenario.population.regions[region].share
    return share * max(sheet.hourly_factors[region])


def peak_share_region_lost(sheet: Sheet, region: str) -> float:
    """A region's load at its busiest hour over the system's mean load, the worst other region lost.

    The lost region's users are shared out over the others by population.
    """
    return max(
        load_share(sheet, region, hour=hour, lost=lost)
        for lost in sheet.scenario.population.regions
        if lost != region or len(sheet.scenario.population.regions) == 1
        for hour in range(HOURS)
    )


def load_share(sheet: Sheet, region: str, *, hour: int, lost: str | None) -> float:
    """A region's load in a UTC hour over the whole system's mean load, `lost` being down."""
    regions = sheet.scenario.population.regions
    own = regions[region].share * sheet.hourly_factors[region][hour]
    if lost is None or lost == region:
        return own
    taken_over = regions[region].share / (1 - regions[lost].share)
    return own + regions[lost].share * sheet.hourly_factors[lost][hour] * taken_over


def _most_utilisation(sheet: Sheet, box: Box, load: BoxLoad) -> tuple[float, str]:
    """Return the highest utilisation that an instance may have, and what sets it."""
    objectives = sheet.scenario.objectives
    target = float(objectives.target_utilisation)
    bound_s = objectives.waiting_share * load.mean_service_time_s

    def waits_too_long(utilisation: float) -> bool:
        waiting_time_s = gigc_waiting_time_s(
            arrival_rate_per_s=utilisation * box.workers / load.mean_service_time_s,
            mean_service_time_s=load.mean_service_time_s,
            workers=box.workers,
            arrival_scv=1.0,
            service_scv=load.service_scv,
        )
        return waiting_time_s > bound_s

    if not waits_too_long(target):
        return target, "workers"
    low, high = 0.0, target
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if waits_too_long(middle) else (middle, high)
    return low, "waiting"


def _box_fleet(
    name: str,
    region: str,
    sheet: Sheet,
    load: BoxLoad,
    peaks: tuple[float, float],
    most_utilisation: tuple[float, str],
) -> BoxFleet:
    box = sheet.scenario.boxes[name]
    peak, peak_region_lost = peaks
    utilisation, limit = most_utilisation
    busy_workers = load.offered_load_erlangs * peak_region_lost
    target = sheet.scenario.objectives.target_utilisation
    needs: dict[str, float] = {
        limit: busy_workers / (box.workers * utilisation),
        "bandwidth": load.bytes_per_s * peak_region_lost / (box.bandwidth * target),
        **_storage_need(name, box, region, sheet),
    }
    limited_by = max(needs, key=lambda need: needs[need])
    instances = max(1, math.ceil(needs[limited_by] - _ROUNDING)) + box.spare
    capacity = instances * box.workers
    return BoxFleet(
        box=name,
        region=region,
        instances=instances,
        workers=box.workers,
        peak_utilisation=load.offered_load_erlangs * peak / capacity,
        utilisation_region_lost=busy_workers / capacity,
        limited_by=limited_by,
    )


_ROUNDING = 1e-9
"""A need of 3.0000000001 instances is 3: the rest is floating point."""


def _storage_need(name: str, box: Box, region: str, sheet: Sheet) -> Mapping[str, float]:
    if not box.holds:
        return {}
    share = sheet.scenario.population.regions[region].share
    held_bytes = sheet.named(box.holds, key=f"boxes.{name}.holds") * share * box.copies
    if box.kind == "cache":
        return {"memory": held_bytes / box.memory}
    if box.disk is None:
        return {}
    region_copies = min(
        sheet.scenario.storage.region_copies, len(sheet.scenario.population.regions)
    )
    return {"disk": held_bytes * region_copies / box.disk}

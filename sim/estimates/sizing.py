"""Sizing: the least fleet of each box in each region that carries the peak with a region lost."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from scenarios.boxes import Box
from scenarios.population import HOURS
from sim.estimates.sheet import Sheet, hourly_factors
from sim.estimates.workload import BoxLoad, box_load
from sim.theory.gigc import gigc_waiting_time_s, least_workers

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


def sized_fleet(sheet: Sheet) -> Fleet:
    """Return the least fleet that meets the objectives at the peak with any one region lost.

    At the region's busiest hour, with the users of the worst other region shared out by population:
    the workers stay under the target utilisation, the mean wait (Allen-Cunneen, each instance by
    itself behind a random balancer) under its bound, the network under the target utilisation; the
    data fits. Spare instances come on top.
    """
    return Fleet(
        tuple(
            fleet
            for name in sheet.scenario.standing_boxes
            for fleet in sheet.once(box_fleets, name)
        )
    )


@dataclass(frozen=True, slots=True)
class RegionPeak:
    """A region's load at its busiest hour over the whole system's mean load.

    Attributes:
        all_up: with every region up.
        region_lost: with the worst other region down, its users shared out by population.
    """

    all_up: float
    region_lost: float


def region_peaks(sheet: Sheet) -> Mapping[str, RegionPeak]:
    """Peaks of every region; use with `once`."""
    regions = sheet.scenario.population.regions
    return {
        region: RegionPeak(
            all_up=regions[region].share * max(sheet.once(hourly_factors)[region]),
            region_lost=max(
                load_share(sheet, region, hour=hour, lost=lost)
                for lost in regions
                if lost != region or len(regions) == 1
                for hour in range(HOURS)
            ),
        )
        for region in regions
    }


def load_share(sheet: Sheet, region: str, *, hour: int, lost: str | None) -> float:
    """A region's load in a UTC hour over the whole system's mean load, `lost` being down."""
    regions = sheet.scenario.population.regions
    own = regions[region].share * sheet.once(hourly_factors)[region][hour]
    if lost is None or lost == region:
        return own
    taken_over = regions[region].share / (1 - regions[lost].share)
    return own + regions[lost].share * sheet.once(hourly_factors)[lost][hour] * taken_over


@lru_cache(maxsize=1024)
def most_utilisation(
    *, target: float, workers: int, service_scv: float, waiting_share: float
) -> tuple[float, str]:
    """Return the highest utilisation that an instance may have, and what sets it.

    The target, or less where the mean wait would pass `waiting_share` of the mean service time.
    """

    def waits_too_long(utilisation: float) -> bool:
        waiting_in_service_times = gigc_waiting_time_s(
            arrival_rate_per_s=utilisation * workers,
            mean_service_time_s=1.0,
            workers=workers,
            arrival_scv=1.0,
            service_scv=service_scv,
        )
        return waiting_in_service_times > waiting_share

    if not waits_too_long(target):
        return target, "workers"
    low, high = 0.0, target
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if waits_too_long(middle) else (middle, high)
    return low, "waiting"


def box_fleets(sheet: Sheet, name: str) -> tuple[BoxFleet, ...]:
    """Return the fleet of one box in every region; use with `once`."""
    return tuple(_box_fleets(name, sheet.scenario.boxes[name], sheet))


def _box_fleets(name: str, box: Box, sheet: Sheet) -> Iterator[BoxFleet]:
    load = sheet.once(box_load, name)
    objectives = sheet.scenario.objectives
    target = float(objectives.target_utilisation)
    busy_instances = load.offered_load_erlangs / box.workers
    sending_instances = load.bytes_per_s / (box.bandwidth * target)
    storing_instances, storage_limit = _storing_instances(name, box, sheet)
    regions = sheet.scenario.population.regions
    for region, peak in sheet.once(region_peaks).items():
        worker_limit, serving_instances = _serving_instances(
            busy_instances * peak.region_lost, box.workers, load, sheet
        )
        needs = {
            worker_limit: serving_instances,
            "bandwidth": sending_instances * peak.region_lost,
            storage_limit: storing_instances * regions[region].share,
        }
        limited_by = max(needs, key=lambda need: needs[need])
        instances = max(1, math.ceil(needs[limited_by] - _ROUNDING)) + box.spare
        yield BoxFleet(
            box=name,
            region=region,
            instances=instances,
            workers=box.workers,
            peak_utilisation=busy_instances * peak.all_up / instances,
            utilisation_region_lost=busy_instances * peak.region_lost / instances,
            limited_by=limited_by,
        )


def _serving_instances(
    busy_instances: float, workers: int, load: BoxLoad, sheet: Sheet
) -> tuple[str, float]:
    """Return what sets the number of instances that serve in time, and that number."""
    objectives = sheet.scenario.objectives
    target, waiting_share = float(objectives.target_utilisation), float(objectives.waiting_share)
    # Rounded, so that a change in the last digit finds what is known already.
    service_scv = max(0.0, round(load.service_scv, 6))
    if not load.pooled:
        utilisation, limit = most_utilisation(
            target=target, workers=workers, service_scv=service_scv, waiting_share=waiting_share
        )
        return limit, busy_instances / utilisation
    # Instances that share one queue wait as one station; others wait each for itself.
    needed = least_workers(
        arrival_rate_per_s=busy_instances * workers,
        mean_service_time_s=1.0,
        arrival_scv=1.0,
        service_scv=service_scv,
        most_utilisation=target,
        most_waiting_time_s=waiting_share,
    )
    by_utilisation = busy_instances / target
    if needed <= math.ceil(by_utilisation * workers):
        return "workers", by_utilisation
    return "waiting", needed / workers


_ROUNDING = 1e-9
"""A need of 3.0000000001 instances is 3: the rest is floating point."""


def _storing_instances(name: str, box: Box, sheet: Sheet) -> tuple[float, str]:
    """Return how many instances hold the data of the whole system, and in what."""
    if not box.holds:
        return 0.0, "disk"
    held_bytes = sheet.named(box.holds, key=f"boxes.{name}.holds") * box.copies
    if box.kind == "cache" or box.disk is None:
        return held_bytes / box.memory, "memory"
    region_copies = min(
        sheet.scenario.storage.region_copies, len(sheet.scenario.population.regions)
    )
    return held_bytes * region_copies / box.disk, "disk"

"""Availability in closed form: instances and zones, regions, and what fails everywhere at once."""

import math
from collections.abc import Mapping
from functools import lru_cache

from sim.estimates.sheet import Sheet, cell
from sim.estimates.sizing import box_fleets
from sim.estimates.workload import work_flow
from sim.theory import availability as theory

_CARRYING_UTILISATION = 0.95
"""A box that would run hotter than this with what is left of it counts as down."""

KOFN = "Trivedi, Probability and Statistics with Reliability (2002), k of n with zones as one cause"


@cell("share", source=KOFN)
def unavailability_boxes(sheet: Sheet) -> float:
    """Some box on the awaited path has too few instances up; users' regions, weighted."""
    awaited = sheet.once(awaited_boxes)
    regions = sheet.scenario.population.regions
    down = sum(
        region.share
        * theory.series_unavailability(
            [sheet.once(box_unavailability, box)[name] for box in awaited]
        )
        for name, region in regions.items()
    )
    return min(1.0, down)  # The shares add up to one but for rounding.


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


def box_unavailability(sheet: Sheet, name: str) -> Mapping[str, float]:
    """Share of time that a box cannot carry its peak, by region; use with `once`."""
    box, failures = sheet.scenario.boxes[name], sheet.scenario.failures
    zone_unavailability = theory.component_unavailability(
        mttf_s=failures.zone_mttf, mttr_s=failures.zone_mttr
    )
    instance_unavailability = theory.component_unavailability(mttf_s=box.mttf, mttr_s=box.mttr)
    return {
        fleet.region: _zoned_unavailability(
            needed=max(
                1, math.ceil(fleet.peak_utilisation * fleet.instances / _CARRYING_UTILISATION)
            ),
            instances=fleet.instances,
            zones=failures.zones,
            zone_unavailability=zone_unavailability,
            instance_unavailability=instance_unavailability,
        )
        for fleet in sheet.once(box_fleets, name)
    }


@lru_cache(maxsize=4096)
def _zoned_unavailability(
    *,
    needed: int,
    instances: int,
    zones: int,
    zone_unavailability: float,
    instance_unavailability: float,
) -> float:
    per_zone = [instances // zones + (zone < instances % zones) for zone in range(zones)]
    return theory.zoned_unavailability(
        needed=needed,
        instances_per_zone=per_zone,
        zone_unavailability=zone_unavailability,
        instance_unavailability=instance_unavailability,
    )


CELLS = (
    unavailability_boxes,
    unavailability_regions,
    unavailability_global,
    unavailability,
    availability,
    downtime_s_per_year,
)

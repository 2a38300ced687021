"""Availability in closed form: instances and zones, regions, and what fails everywhere at once."""

import math

from sim.estimates.sheet import Sheet, cell
from sim.sizing import BoxFleet, peak_share, sized_fleet
from sim.theory import availability as theory
from sim.workload import workload

_CARRYING_UTILISATION = 0.95
"""A box that would run hotter than this with what is left of it counts as down."""

KOFN = "Trivedi, Probability and Statistics with Reliability (2002), k of n with zones as one cause"


@cell("share", source=KOFN)
def unavailability_boxes(sheet: Sheet) -> float:
    """Some box on the awaited path has too few instances up; users' regions, weighted."""
    awaited = {
        step.box for flow in sheet.once(workload).flows for step in flow.steps if step.awaited
    }
    regions = sheet.scenario.population.regions
    return sum(
        region.share
        * theory.series_unavailability(
            [
                _box_unavailability(fleet, sheet)
                for fleet in sheet.once(sized_fleet).boxes
                if fleet.region == name and fleet.box in awaited
            ]
        )
        for name, region in regions.items()
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


def _box_unavailability(fleet: BoxFleet, sheet: Sheet) -> float:
    box = sheet.scenario.boxes[fleet.box]
    failures = sheet.scenario.failures
    load = sheet.once(workload).boxes[fleet.box].offered_load_erlangs
    busy_workers = load * peak_share(sheet, fleet.region)
    needed = max(1, math.ceil(busy_workers / (fleet.workers * _CARRYING_UTILISATION)))
    per_zone = [
        fleet.instances // failures.zones + (zone < fleet.instances % failures.zones)
        for zone in range(failures.zones)
    ]
    return theory.zoned_unavailability(
        needed=needed,
        instances_per_zone=per_zone,
        zone_unavailability=theory.component_unavailability(
            mttf_s=failures.zone_mttf, mttr_s=failures.zone_mttr
        ),
        instance_unavailability=theory.component_unavailability(mttf_s=box.mttf, mttr_s=box.mttr),
    )


CELLS = (
    unavailability_boxes,
    unavailability_regions,
    unavailability_global,
    unavailability,
    availability,
    downtime_s_per_year,
)

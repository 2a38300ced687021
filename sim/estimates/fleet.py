"""Boxes: how often each is visited, how many instances the peak needs, and what limits them."""

from functools import partial

from sim.estimates import peak
from sim.estimates.sheet import Cell, Sheet, cell
from sim.estimates.sizing import box_fleets, sized_fleet
from sim.estimates.workload import box_load, work_flow


@cell("visits/s")
def visits_per_s(sheet: Sheet) -> float:
    """Visits of all flows to all boxes, on average."""
    return sum(sheet.once(box_load, name).visits_per_s for name in sheet.scenario.standing_boxes)


@cell("visits/request")
def visits_per_request(sheet: Sheet) -> float:
    """Visits a second ÷ requests a second."""
    requests = requests_per_s(sheet)
    return visits_per_s(sheet) / requests if requests else 0.0


@cell("requests/s")
def requests_per_s(sheet: Sheet) -> float:
    """Requests of all flows, on average."""
    return sum(sheet.once(work_flow, name).requests_per_s for name in sheet.scenario.flows)


@cell("requests/s")
def peak_requests_per_s(sheet: Sheet) -> float:
    """Requests a second × the world's peak over mean."""
    return requests_per_s(sheet) * peak.peak_to_mean(sheet)


@cell("instances", source="sizing: docs/design.md")
def fleet_instances(sheet: Sheet) -> float:
    """Instances of all boxes in all regions, spares and a lost region's share included."""
    return sum(fleet.instances for fleet in sheet.once(sized_fleet).boxes)


def cells(sheet: Sheet) -> list[Cell]:
    """Return the cells of this chapter, with two for each box of the scenario."""
    boxes = [
        part
        for box in sheet.scenario.standing_boxes
        for part in (
            Cell(
                name=f"peak_visits_per_s_{box}",
                unit="visits/s",
                formula=f"visits of all flows to {box} × the world's peak over mean",
                compute=partial(_peak_visits, box),
            ),
            Cell(
                name=f"instances_{box}",
                unit="instances",
                formula=f"least fleet of {box} in all regions, spares included",
                compute=partial(_instances, box),
            ),
        )
    ]
    return [
        requests_per_s,
        peak_requests_per_s,
        visits_per_s,
        visits_per_request,
        fleet_instances,
        *boxes,
    ]


def _peak_visits(box: str, sheet: Sheet) -> float:
    return sheet.once(box_load, box).visits_per_s * peak.peak_to_mean(sheet)


def _instances(box: str, sheet: Sheet) -> float:
    return sum(fleet.instances for fleet in sheet.once(box_fleets, box))

"""All estimates of a scenario, in the design document's order, and the sheet that holds them."""

from collections.abc import Iterator

from scenarios.model import Scenario
from sim.estimates import (
    cost,
    edge,
    feeds,
    fleet,
    memory,
    network,
    peak,
    reliability,
    storage,
    throughput,
)
from sim.estimates.sheet import Cell, Sheet

_NAMED_BY_SCENARIOS = (throughput, storage, memory, network, edge, feeds)


def open_sheet(scenario: Scenario) -> Sheet:
    """Return an empty sheet for a scenario, on which its flows and boxes can name estimates."""
    return Sheet(
        scenario,
        {each.name: each for chapter in _NAMED_BY_SCENARIOS for each in chapter.CELLS},
    )


def chapters(sheet: Sheet) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    """Yield the name and the cells of each chapter."""
    yield "throughput", throughput.CELLS
    yield "storage", storage.CELLS
    yield "memory", memory.CELLS
    yield "network", (*network.CELLS, *edge.CELLS)
    yield "feeds", feeds.CELLS
    yield "peak", tuple(peak.cells(sheet))
    yield "boxes", tuple(fleet.cells(sheet))
    yield "availability", reliability.CELLS
    yield "cost", cost.CELLS

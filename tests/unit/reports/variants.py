"""Documents at the edges of what a simulation may give."""

import dataclasses

from sim.results.simulation import (
    Availability,
    Cost,
    Finding,
    FlowRow,
    Freshness,
    ObjectiveRow,
    Reproduce,
    SimulationDocument,
)
from tests.unit.reports.sample import simulation

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> | `x` {{ 7 * 7 }} "
    "\x00\x1b[31m\ufffe"
)


def empty() -> SimulationDocument:
    """Return a document without a single row."""
    return dataclasses.replace(
        simulation(),
        estimates=(),
        assumptions=(),
        fleet=(),
        flows=(),
        objectives=(),
        findings=(),
        day=(),
        years=(),
        sensitivity=(),
        freshness=Freshness(None, None, None, 0),
        availability=Availability(1.0, 0.0),
        cost=Cost(0, 0, 0, 0, ()),
        reproduce=Reproduce("", {}),
    )


def unknown() -> SimulationDocument:
    """Return a document where nothing that may be unknown is known."""
    document = simulation()
    return dataclasses.replace(
        document,
        estimates=tuple(
            dataclasses.replace(row, low=None, high=None, stated=None, difference=None)
            for row in document.estimates
        ),
        fleet=tuple(dataclasses.replace(row, simulated_utilisation=None) for row in document.fleet),
        flows=tuple(
            FlowRow(flow.flow, flow.title, 0, 0, None, None, None, None, None, None)
            for flow in document.flows
        ),
        freshness=Freshness(None, None, None, 0),
        objectives=tuple(
            dataclasses.replace(row, value=None, met=None) for row in document.objectives
        ),
        day=tuple(
            dataclasses.replace(
                row, feed_p50_s=None, feed_p99_s=None, write_p99_s=None, freshness_p95_s=None
            )
            for row in document.day
        ),
    )


def hostile() -> SimulationDocument:
    """Return a document whose every text tries to be more than a text."""
    document = simulation()
    return dataclasses.replace(
        document,
        scenario=dataclasses.replace(
            document.scenario, name=HOSTILE, title=HOSTILE, description=HOSTILE, fanout=HOSTILE
        ),
        estimates=tuple(
            dataclasses.replace(row, formula=HOSTILE, source=HOSTILE, unit=HOSTILE)
            for row in document.estimates
        ),
        assumptions=tuple(
            dataclasses.replace(row, text=HOSTILE, source=HOSTILE) for row in document.assumptions
        ),
        fleet=tuple(dataclasses.replace(row, limited_by=HOSTILE) for row in document.fleet),
        flows=tuple(dataclasses.replace(row, title=HOSTILE) for row in document.flows[:1]),
        objectives=(ObjectiveRow(HOSTILE, HOSTILE, 1.0, 2.0, met=False),),
        findings=(Finding(HOSTILE, HOSTILE),),
        day=tuple(dataclasses.replace(row, events=(HOSTILE,)) for row in document.day),
        reproduce=Reproduce(HOSTILE, {HOSTILE: HOSTILE}),
    )

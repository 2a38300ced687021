"""The verdict: does the run tell of the server at all, and did the server meet its objectives?"""

from collections.abc import Iterator, Sequence

from scenarios.objectives import Objectives
from scenarios.quantities import format_duration, format_share
from sim.loadtest.histograms import quantile_s
from sim.loadtest.measurement import Measurement
from sim.loadtest.plan import Load
from sim.results.loadtest import MeasuredFlow, MeasuredFreshness
from sim.results.simulation import ObjectiveRow

LONGEST_LAG_S = 0.01
"""Dispatch lag (99th percentile) from which on the generator is part of what is measured."""

LEAST_SENT = 0.99
"""Of the requests that were due, those that must have been sent in time."""

SATURATED = 0.95
"""Busy share of its core from which on a generator cannot be trusted to keep the time."""


def invalid_because(measurement: Measurement) -> tuple[str, ...]:
    """Return why the figures tell of the load generator instead of the server; empty if not."""
    return tuple(_reasons(measurement))


def _reasons(measurement: Measurement) -> Iterator[str]:
    if measurement.settings.load is Load.OPEN:
        lag_s = quantile_s(measurement.dispatch_lag(), 0.99)
        if lag_s is not None and lag_s > LONGEST_LAG_S:
            yield (
                f"the load generator sent one request in a hundred {format_duration(lag_s)} or "
                f"more after it was due; expected at most {format_duration(LONGEST_LAG_S)}"
            )
        sent, due = measurement.total("sent"), measurement.total("due")
        if due and sent < LEAST_SENT * due:
            yield (
                f"the load generator sent {format_share(sent / due)} of the requests that were "
                f"due; expected at least {format_share(LEAST_SENT)}"
            )
    busy = measurement.busiest_generator()
    if busy is not None and busy > SATURATED:
        yield (
            f"a load generator kept its core {format_share(busy)} busy; expected at most "
            f"{format_share(SATURATED)} (--processes divides the work)"
        )


def objective_rows(
    objectives: Objectives, flows: Sequence[MeasuredFlow], freshness: MeasuredFreshness
) -> tuple[ObjectiveRow, ...]:
    """Return the objectives that a load test can judge, with what was reached.

    Those that no client sees (utilisation of each box, downtime of years) are not among them.
    """
    measured = {flow.flow: flow for flow in flows}
    rows = [
        _at_most(f"{name} p99", "s", float(target), measured[name].p99_s)
        for name, target in objectives.p99.items()
        if name in measured
    ]
    rows.append(_at_most("freshness p99", "s", float(objectives.freshness_p99), freshness.p99_s))
    requests = sum(flow.requests for flow in flows)
    answered = requests - sum(flow.errors for flow in flows)
    target = float(objectives.availability)
    reached = answered / requests if requests else None
    met = None if reached is None else _is_available(reached, target, requests)
    rows.append(ObjectiveRow("availability", "share", target, reached, met))
    return tuple(rows)


def _is_available(reached: float, target: float, requests: int) -> bool | None:
    """Whether it was; None where a single failure would have decided it."""
    if reached >= target:
        return True
    return False if (1 - target) * requests >= 1 or (1 - reached) * requests > 1 else None


def _at_most(name: str, unit: str, target: float, value: float | None) -> ObjectiveRow:
    return ObjectiveRow(name, unit, target, value, None if value is None else value <= target)

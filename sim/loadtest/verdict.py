"""The verdict: does the run tell of the server at all, and did the server meet its objectives?"""

from collections.abc import Iterator, Sequence

from scenarios.objectives import Objectives
from scenarios.quantities import format_share
from sim.loadtest.canaries import GIVE_UP_S
from sim.loadtest.histograms import largest_s, quantile_s
from sim.loadtest.measurement import Measurement
from sim.loadtest.plan import REQUEST_TIMEOUT_S, Load
from sim.loadtest.wording import told_time
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
    is_whole = measurement.target_lost_s is None and not measurement.interrupted
    if is_whole:
        yield from _unfinished(measurement)
    if measurement.settings.load is Load.OPEN:
        yield from _late(measurement)
    yield from _saturated(measurement)


def _unfinished(measurement: Measurement) -> Iterator[str]:
    """What was not sent, or not told, because a generator was not there to do it."""
    lost = len(measurement.lost_generators)
    told = len({report.worker for report in measurement.reports})
    if lost:
        yield f"{lost} of {measurement.generators} load generators ended before the run was over"
    elif not measurement.ended:
        yield "the load generator ended before the run was over"
    elif told < measurement.generators:
        yield f"{told} of {measurement.generators} load generators have told what they measured"
    due = measurement.total("due") - measurement.total("canary_requests")
    planned = measurement.planned
    if planned is not None and due < LEAST_SENT * planned:
        yield (
            f"the load generators came to {due:,} of the {planned:,} requests of the schedule; "
            f"expected at least {format_share(LEAST_SENT)}"
        )
    if not due:
        yield "no request was due in the measured time; expected a higher rate or a longer duration"


def _late(measurement: Measurement) -> Iterator[str]:
    lag = measurement.dispatch_lag()
    lag_s = quantile_s(lag, 0.99)
    largest = largest_s(lag)
    if lag_s is not None and lag_s > LONGEST_LAG_S:
        yield (
            f"the load generator sent one request in a hundred {told_time(lag_s)} or "
            f"more after it was due; expected at most {told_time(LONGEST_LAG_S)}"
        )
    elif lag_s is None and largest is not None and largest > LONGEST_LAG_S:
        yield (
            f"the load generator sent a request {told_time(largest)} after it was due, of "
            f"fewer than a hundred; expected at most {told_time(LONGEST_LAG_S)}"
        )
    sent, due = measurement.total("sent"), measurement.total("due")
    if due and sent < LEAST_SENT * due:
        yield (
            f"the load generator sent {format_share(sent / due)} of the requests that were "
            f"due; expected at least {format_share(LEAST_SENT)}"
        )


def _saturated(measurement: Measurement) -> Iterator[str]:
    busy = measurement.busiest_generator()
    if busy is not None and busy > SATURATED:
        yield (
            f"a load generator kept its core {format_share(busy)} busy; expected at most "
            f"{format_share(SATURATED)} (--processes divides the work)"
        )
        return
    for machine in measurement.generator_machines():
        if machine.cores and machine.used > SATURATED * machine.cores:
            share = format_share(machine.used / machine.cores)
            yield (
                f"the load generators kept the {machine.cores} cores that they share {share} busy; "
                f"expected at most {format_share(SATURATED)}"
            )


def objective_rows(
    objectives: Objectives, flows: Sequence[MeasuredFlow], freshness: MeasuredFreshness
) -> tuple[ObjectiveRow, ...]:
    """Return the objectives that a load test can judge, with what was reached.

    Those that no client sees (utilisation of each box, downtime of years) are not among them.
    """
    measured = {flow.flow: flow for flow in flows}
    rows = [
        _at_most(f"{name} p99", float(target), measured[name].p99_s, known_to_s=REQUEST_TIMEOUT_S)
        for name, target in objectives.p99.items()
        if name in measured
    ]
    target_s = float(objectives.freshness_p99)
    rows.append(_at_most("freshness p99", target_s, freshness.p99_s, known_to_s=GIVE_UP_S))
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


def _at_most(
    name: str, target_s: float, value_s: float | None, *, known_to_s: float
) -> ObjectiveRow:
    """Return whether a time was kept; one of `known_to_s`, when all is given up, may be longer."""
    if value_s is None or known_to_s <= value_s <= target_s:
        return ObjectiveRow(name, "s", target_s, value_s, None)
    return ObjectiveRow(name, "s", target_s, value_s, value_s <= target_s)

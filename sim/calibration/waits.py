"""What an idle server adds: the work of waking up, and the time until it is awake.

A busy server uses less for a request than one that each request finds asleep. The work of waking up
is what the measured utilisation is above the played one, at loads of all sizes, over the wake-ups
that were played. The time that it takes beside is what a median response at low load, where nobody
queues, has beyond the work.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.calibration.attribution import LEAST_SAMPLES, Paths
from sim.calibration.sampler import Sample
from sim.estimates.workload import WorkFlow, WorkStep


@dataclass(frozen=True, slots=True)
class Played:
    """One load, measured and played without the work of waking up.

    Attributes:
        measured, played: busy part of the core.
        wake_ups_per_s: of an idle core, as played.
    """

    measured: float
    played: float
    wake_ups_per_s: float


def wake_up_work_s(loads: Sequence[Played]) -> float:
    """Return the work of a wake-up that explains the loads best.

    Least squares of what is missing, as a share of the measured utilisation; not negative.
    """
    rows = [
        ((each.measured - each.played) / each.measured, each.wake_ups_per_s / each.measured)
        for each in loads
        if each.measured
    ]
    squares = math.fsum(wakes**2 for _, wakes in rows)
    return max(0.0, math.fsum(gap * wakes for gap, wakes in rows) / squares) if squares else 0.0


@dataclass(frozen=True, slots=True)
class LowLoad:
    """A flow at low load: its median response time, seconds, and how many requests tell it."""

    flow: WorkFlow
    median_s: float
    requests: float


def wake_up_s(flows: Sequence[LowLoad]) -> float:
    """Return the time to wake up that explains the medians best: least squares, not negative.

    Flows with more requests count more. All else must be in the flows' steps.
    """
    beyond_s = [each.median_s - _served_s(each.flow) for each in flows]
    wakes = [_wake_ups(each.flow) for each in flows]
    products = math.fsum(
        each.requests * count * time_s
        for each, count, time_s in zip(flows, wakes, beyond_s, strict=True)
    )
    squares = math.fsum(each.requests * count**2 for each, count in zip(flows, wakes, strict=True))
    return max(0.0, products / squares)


def duration_scvs(samples: Sequence[Sample], paths: Paths) -> Mapping[str, float]:
    """Return how much calls of stores vary at low load, by box; of commits under their own names.

    That is in their durations, what threads and disk add: their CPU hardly varies.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        calls = [call for call in sample.boxes if call.box in paths.stores]
        written = [call for call in calls if call.box == paths.written.get(sample.flow)][-1:]
        for call in calls:
            if call not in written:
                found[call.box].append(call.duration_s)
        for box in paths.commits:
            found[box] += [call.duration_s for call in written]
    return {box: _scv(times_s) for box, times_s in found.items() if len(times_s) >= LEAST_SAMPLES}


def _scv(times_s: Sequence[float]) -> float:
    # The longest are pauses of the machine, which has others to serve.
    times_s = sorted(times_s)[: math.ceil(_USUAL_SHARE * len(times_s))]
    mean_s = statistics.fmean(times_s)
    return statistics.variance(times_s) / mean_s**2 if mean_s else 0.0


_USUAL_SHARE = 0.95


def _awaited(flow: WorkFlow) -> Sequence[WorkStep]:
    return [step for step in flow.steps if step.awaited]


def _wake_ups(flow: WorkFlow) -> int:
    """Return how often a lonely request finds the core asleep: as it comes, after the disk."""
    steps = _awaited(flow)
    return 1 + sum(flow.steps[before].habits.wait_s > 0 for step in steps for before in step.after)


def _served_s(flow: WorkFlow) -> float:
    """Return the mean times of what the answer waits for, each batch for one request alone."""
    alone_s = math.fsum(
        step.mean_visits * (step.base_time_s + step.habits.wait_s)
        + step.mean_items * step.time_per_item_s
        for step in _awaited(flow)
    )
    return alone_s + _wake_ups(flow) * _work_s(flow)


def _work_s(flow: WorkFlow) -> float:
    return max((step.habits.wake_up_work_s for step in flow.steps), default=0.0)

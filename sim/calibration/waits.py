"""What a request waits for at low load, beside the CPU that it uses: the intercept.

With hardly any load nobody queues. A call that writes then takes longer than one that reads by the
commit that it waits for; what a response takes beyond that and its service times is workers that
wake up, one at each visit.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scenarios.calibration import BoxService
from sim.calibration.attribution import LEAST_SAMPLES
from sim.calibration.errors import TooFewSamplesError
from sim.calibration.sampler import Sample
from sim.estimates.workload import WorkFlow, WorkStep

_TWO_SIDED_95 = 1.96
_TOLD_S = 1e-6
"""Durations are told to the microsecond: the difference of two that are the same may be 1e-18."""


@dataclass(frozen=True, slots=True)
class LowLoad:
    """A flow at low load: its median response time, seconds, and how many requests tell it."""

    flow: WorkFlow
    median_s: float
    requests: float


def commit_service(
    samples: Sequence[Sample], written: Mapping[str, str], *, stores: frozenset[str]
) -> BoxService | None:
    """Return how long a group commit takes: what writing calls take longer than reading ones.

    None if they take no longer.

    Args:
        samples: requests at low load.
        written: by flow, the box whose last call waits for the commit.
        stores: boxes whose other calls read.

    Raises:
        TooFewSamplesError: if there are next to none of either.
    """
    writing_s, reading_s = [], []
    for sample in samples:
        calls = [call for call in sample.boxes if call.box in stores]
        own = [call for call in calls if call.box == written.get(sample.flow)]
        writing_s += [call.duration_s for call in own[-1:]]
        reading_s += [call.duration_s for call in calls if call not in own[-1:]]
    for what, found in (("calls that write", writing_s), ("calls that read", reading_s)):
        if len(found) < LEAST_SAMPLES:
            raise TooFewSamplesError(what=what, found=len(found), expected=LEAST_SAMPLES)
    commit_s = statistics.median(writing_s) - statistics.median(reading_s)
    if commit_s < _TOLD_S:
        return None
    variance = max(0.0, statistics.variance(writing_s) - statistics.variance(reading_s))
    half_s = _TWO_SIDED_95 * math.sqrt(variance / len(writing_s))
    return BoxService(
        mean_s=commit_s,
        scv=variance / commit_s**2,
        interval_s=(max(0.0, commit_s - half_s), commit_s + half_s),
        samples=len(writing_s),
    )


def wake_up_s(flows: Sequence[LowLoad]) -> float:
    """Return the time to wake up that explains the medians best: least squares, not negative.

    Flows with more requests count more. The service times of the flows' steps must be measured.
    """
    beyond_s = [each.median_s - _served_s(each.flow) for each in flows]
    visits = [_visits(_awaited(each.flow)) for each in flows]
    products = math.fsum(
        each.requests * count * time_s
        for each, count, time_s in zip(flows, visits, beyond_s, strict=True)
    )
    squares = math.fsum(each.requests * count**2 for each, count in zip(flows, visits, strict=True))
    return max(0.0, products / squares)


def _awaited(flow: WorkFlow) -> Sequence[WorkStep]:
    return [step for step in flow.steps if step.awaited]


def _visits(steps: Iterable[WorkStep]) -> float:
    return math.fsum(step.mean_visits for step in steps if step.habits.batch == 1)


def _served_s(flow: WorkFlow) -> float:
    """Return the mean service times of what the answer waits for, each batch for one request."""
    return math.fsum(step.mean_busy_s * step.habits.batch for step in _awaited(flow))

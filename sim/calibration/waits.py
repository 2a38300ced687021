"""What an idle server adds: the work of waking up, the time until it is awake, and the client's.

A busy server uses less for a request than one that each request finds asleep. The work of waking up
is what the measured utilisation is above the played one, at loads of all sizes, over the wake-ups
that were played. What measured medians have beyond the played ones, where hardly any request
queues, is the time that waking up takes, as far as it goes with how often requests are played to
wake the core, and else the client's own: until its request is sent, and its answer read.
"""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import nnls

from sim.calibration.attribution import LEAST_SAMPLES, Paths
from sim.calibration.sampler import Sample
from sim.calibration.telling import BoxTime


@dataclass(frozen=True, slots=True)
class Played:
    """One load, measured and played.

    Attributes:
        measured, played: busy part of the core.
        wake_ups_per_s: of an idle core, as played.
        medians_s: played, by flow.
    """

    measured: float
    played: float
    wake_ups_per_s: float
    medians_s: Mapping[str, float] = field(default_factory=dict)


def wake_up_work_s(loads: Sequence[Played], *, played_with_s: float = 0.0) -> float:
    """Return the work of a wake-up that explains the loads best, played with so much of it.

    Least squares of what is missing, as a share of the measured utilisation; not negative.
    """
    rows = [
        (
            (each.measured - each.played) / each.measured,
            each.wake_ups_per_s / each.measured,
        )
        for each in loads
        if each.measured
    ]
    squares = math.fsum(wakes**2 for _, wakes in rows)
    missing_s = math.fsum(gap * wakes for gap, wakes in rows) / squares if squares else 0.0
    return max(0.0, played_with_s + missing_s)


@dataclass(frozen=True, slots=True)
class Median:
    """A flow's median response under a load, measured and played.

    Attributes:
        at_once_s: played, the core awake at once.
        woken_s: played, where waking up takes the time that was tried.
        requests: HTTP requests that one of the flow is.
        weight: how much it counts.
    """

    measured_s: float
    at_once_s: float
    woken_s: float
    requests: float
    weight: float


@dataclass(frozen=True, slots=True)
class Latencies:
    """What a response takes beyond service and queues.

    Attributes:
        wake_up_s: until an idle core serves.
        client_s: the client's own, for each request.
    """

    wake_up_s: float
    client_s: float


def latencies(medians: Sequence[Median], *, tried_s: float) -> Latencies:
    """Return the times that explain the medians best, waking up having been played with `tried_s`.

    Weighted least squares of relative errors, neither negative.
    """
    missing = np.array([(each.measured_s - each.at_once_s) / each.measured_s for each in medians])
    added = np.array(
        [
            (
                (each.woken_s - each.at_once_s) / tried_s / each.measured_s,
                each.requests / each.measured_s,
            )
            for each in medians
        ]
    )
    scale = np.sqrt([each.weight for each in medians])
    wake_up_s, client_s = nnls(added * scale[:, None], missing * scale)[0]
    return Latencies(float(wake_up_s), float(client_s))


def duration_scvs(samples: Sequence[Sample], paths: Paths) -> Mapping[str, float]:
    """Return how much calls of stores vary at low load, by box; of commits under their own names.

    That is in their durations, what threads and disk add: their CPU hardly varies.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        calls = [call for call in sample.boxes if call.box in paths.stores]
        written = _written(calls, paths.written.get(sample.flow, ()))
        for call in calls:
            if call not in written:
                found[call.box].append(call.duration_s)
        for box in paths.commits:
            found[box] += [call.duration_s for call in written]
    return {box: _scv(times_s) for box, times_s in found.items() if len(times_s) >= LEAST_SAMPLES}


def _written(calls: Sequence[BoxTime], stores: Sequence[str]) -> Sequence[BoxTime]:
    """Return the last call of a store, or as many as there are commits of it."""
    found: list[BoxTime] = []
    for store, times in Counter(stores).items():
        found += [call for call in calls if call.box == store][-times:]
    return found


def _scv(times_s: Sequence[float]) -> float:
    # The longest are pauses of the machine, which has others to serve.
    times_s = sorted(times_s)[: math.ceil(_USUAL_SHARE * len(times_s))]
    mean_s = statistics.fmean(times_s)
    return statistics.variance(times_s) / mean_s**2 if mean_s else 0.0


_USUAL_SHARE = 0.95

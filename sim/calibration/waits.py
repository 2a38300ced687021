"""What an idle server adds: the work of waking up, the time until it is awake, and the client's.

A busy server uses less for a request than one that each request finds asleep, and the longer it has
slept, the more of what it needs is in no cache. So what a visit was measured to take, on average of
those that found it asleep and those that did not, is told apart into the work of the visit and that
of waking up: by least squares over loads of all sizes, from how busy they were measured, and how
often they are played to wake the core after how long. What measured medians have beyond the played
ones, where hardly any request queues, is the time that waking up takes, as far as it goes with how
often requests are played to wake the core, and else the client's own: until its request is sent,
and its answer read.
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
        coldness_per_s: of these, how many after a long sleep they amount to.
        medians_s: played, by flow.
    """

    measured: float
    played: float
    wake_ups_per_s: float
    coldness_per_s: float = 0.0
    medians_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Work:
    """What keeps a core busy.

    Attributes:
        warm_share: of what visits were measured to take on average.
        wake_up_s: of each visit that finds it asleep.
        cold_s: of such a visit besides, after a long sleep.
    """

    warm_share: float = 1.0
    wake_up_s: float = 0.0
    cold_s: float = 0.0


def work(loads: Sequence[Played], *, played_with: Work) -> Work:
    """Return the work that explains best how busy the core was under loads played with some.

    Least squares of errors as shares of the measured utilisation, no part negative.

    Source: Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23.
    """
    seen = [each for each in loads if each.measured]
    if not seen:
        return played_with
    rows = np.array(
        [
            (
                each.played
                - each.wake_ups_per_s * played_with.wake_up_s
                - each.coldness_per_s * played_with.cold_s,
                each.wake_ups_per_s,
                each.coldness_per_s,
            )
            for each in seen
        ]
    )
    rows[:, 0] /= played_with.warm_share
    measured = np.array([each.measured for each in seen])
    warm_share, wake_up_s, cold_s = nnls(rows / measured[:, None], np.ones(len(seen)))[0]
    return Work(float(warm_share), float(wake_up_s), float(cold_s))


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

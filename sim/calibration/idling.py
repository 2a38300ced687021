"""A calibration completed with what an idle server adds, which is found by playing the loads."""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from scenarios.calibration import Calibration
from sim.calibration.errors import TooFewSamplesError
from sim.calibration.observing import Observed
from sim.calibration.playing import machine_under, mean_busy, wake_ups_per_s
from sim.calibration.subject import Subject
from sim.calibration.waits import Median, Played, latencies, wake_up_work_s
from sim.loadtest.histograms import quantile_s

REPLICATIONS = 2
VISITS = 20_000
"""Of each replication of a load: enough for how busy the core is, and for a median."""

LEAST_REQUESTS = 20
"""Of a flow under a load, for its median to be taken."""

QUIET = 0.7
"""Busy part of the core up to which a median tells latencies, rather than queues."""

ROUNDS = 2
"""A core that works for longer is woken less often: the work of waking up is found again."""

TRIED_S = 0.0002
"""Of waking up, to see what it adds to the medians."""


def with_idling(served: Calibration, subject: Subject, loads: Sequence[Observed]) -> Calibration:
    """Return a calibration with what an idle server adds, and what is played with all of it.

    One time of each kind can be told apart: boxes of a kind get the same.

    Raises:
        TooFewSamplesError: if no load has enough requests of any flow.
    """
    sleeping = [name for name, box in subject.assumed.boxes.items() if box.wake_up is not None]
    if not sleeping:
        return served
    core = sleeping[0]

    def with_times(work_s: float, latency_s: float) -> Calibration:
        update = {
            "wake_up_s": dict.fromkeys(sleeping, latency_s),
            "wake_up_work_s": dict.fromkeys(sleeping, work_s),
        }
        return served.model_copy(update=update)

    work_s = 0.0
    for _ in range(ROUNDS):
        played = _played(with_times(work_s, 0.0), subject, loads, core)
        work_s = wake_up_work_s(played, played_with_s=work_s)
    at_once = _played(with_times(work_s, 0.0), subject, loads, core)
    woken = _played(with_times(work_s, TRIED_S), subject, loads, core)
    medians = list(_medians(loads, at_once, woken))
    if not medians:
        raise TooFewSamplesError(what="each flow at low load", found=0, expected=LEAST_REQUESTS)
    found = latencies(medians, tried_s=TRIED_S)
    complete = with_times(work_s, found.wake_up_s)
    final = _played(complete, subject, loads, core)
    return complete.model_copy(
        update={
            "client_s": {
                flow: requests * found.client_s for flow, requests in _requests(loads).items()
            },
            "loads": tuple(
                load.model_copy(update={"played_utilisation": each.played})
                for load, each in zip(complete.loads, final, strict=True)
            ),
        }
    )


def _played(
    calibration: Calibration, subject: Subject, loads: Sequence[Observed], core: str
) -> Sequence[Played]:
    """Return each load, measured and played with what was calibrated until now."""
    scenario = subject.calibrated(calibration)
    found = []
    for each in loads:
        results = machine_under(scenario, each.rates_per_s).played(
            seed=each.spec.seed, replications=REPLICATIONS, visits=VISITS
        )
        times_s = {
            flow: np.concatenate([result.response_times_s[flow] for result in results])
            for flow in results[0].response_times_s
        }
        found.append(
            Played(
                measured=each.core_utilisation,
                played=mean_busy(results, core),
                wake_ups_per_s=wake_ups_per_s(results, core),
                medians_s={
                    flow: float(np.median(all_s)) for flow, all_s in times_s.items() if len(all_s)
                },
            )
        )
    return found


def _medians(
    loads: Sequence[Observed], at_once: Sequence[Played], woken: Sequence[Played]
) -> Iterator[Median]:
    """Yield the medians of the loads under which hardly any request queues; each load counts."""
    requests = _requests(loads)
    triples = list(zip(loads, at_once, woken, strict=True))
    for load, early, late in [each for each in triples if each[1].measured <= QUIET] or triples[:1]:
        counts = {
            flow: count
            for flow in sorted(early.medians_s.keys() & late.medians_s.keys())
            if (count := load.measurement.flow(flow).answered) >= LEAST_REQUESTS
        }
        for flow, count in counts.items():
            measured_s = quantile_s(load.measurement.flow(flow).response, 0.5)
            if measured_s is not None:
                yield Median(
                    measured_s=measured_s,
                    at_once_s=early.medians_s[flow],
                    woken_s=late.medians_s[flow],
                    requests=requests.get(flow, 1.0),
                    weight=count / sum(counts.values()),
                )


def _requests(loads: Sequence[Observed]) -> Mapping[str, float]:
    """Return how many HTTP requests one of each flow is: a media post is three."""
    found: dict[str, list[int]] = defaultdict(list)
    for load in loads:
        for sample in load.observation.samples:
            found[sample.flow].append(len(sample.fronts))
    return {flow: statistics.fmean(each) for flow, each in found.items()}

"""A calibration completed with what an idle server adds, which is found by playing the loads."""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from scenarios.calibration import BoxService, Calibration, Service
from scenarios.model import Scenario
from sim.calibration.attribution import LEAST_S
from sim.calibration.errors import TooFewSamplesError
from sim.calibration.observing import Observed
from sim.calibration.playing import coldness_per_s, machine_under, mean_busy, wake_ups_per_s
from sim.calibration.subject import Subject
from sim.calibration.waits import Median, Played, Work, latencies, work
from sim.loadtest.histograms import quantile_s

REPLICATIONS = 2
VISITS = 20_000
"""Of each replication of a load: enough for how busy the core is, and for a median."""

LEAST_REQUESTS = 20
"""Of a flow under a load, for its median to be taken."""

QUIET = 0.7
"""Busy part of the core up to which a median tells latencies, rather than queues."""

ROUNDS = 5
"""A core that works for longer is woken less often: what it takes is found again. It has not come
to an end after these: in two calibrations the share of the visits still fell by 0.016 and 0.018."""

LEAST_SHARE = 0.1
"""Of what a visit was measured to take: next to nothing would be no visit."""

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
    cools_in_s = {
        name: float(cools_in)
        for name in sleeping
        if (cools_in := subject.assumed.boxes[name].cools_in) is not None
    }

    def with_times(found: Work, latency_s: float) -> Calibration:
        update = {
            "boxes": warm_boxes(served, subject.assumed, core, share=found.warm_share),
            "warm_share": found.warm_share,
            "wake_up_s": dict.fromkeys(sleeping, latency_s),
            "wake_up_work_s": dict.fromkeys(sleeping, found.wake_up_s),
            "cold_work_s": dict.fromkeys(cools_in_s, found.cold_s),
            "cools_in_s": cools_in_s,
        }
        return served.model_copy(update=update)

    busy = Work()
    for _ in range(ROUNDS):
        played = _played(with_times(busy, 0.0), subject, loads, core)
        busy = work(played, played_with=busy)
        busy = replace(busy, warm_share=max(busy.warm_share, LEAST_SHARE))
    at_once = _played(with_times(busy, 0.0), subject, loads, core)
    woken = _played(with_times(busy, TRIED_S), subject, loads, core)
    medians = list(_medians(loads, at_once, woken))
    if not medians:
        raise TooFewSamplesError(what="each flow at low load", found=0, expected=LEAST_REQUESTS)
    found = latencies(medians, tried_s=TRIED_S)
    complete = with_times(busy, found.wake_up_s)
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


def warm_boxes(
    served: Calibration, scenario: Scenario, core: str, *, share: float
) -> Mapping[str, BoxService]:
    """Return what was measured, with times reduced to a share where a box's work is the core's."""
    boxes = scenario.boxes
    return {
        name: _reduced(box, share) if name in boxes and boxes[name].runs_on == core else box
        for name, box in served.boxes.items()
    }


def _reduced(box: BoxService, share: float) -> BoxService:
    return box.model_copy(
        update={
            **_times(box, share),
            "per_visit_s": box.per_visit_s * share,
            "histogram": tuple(
                each.model_copy(update={"up_to_s": each.up_to_s * share}) for each in box.histogram
            ),
            "flows": {
                flow: each.model_copy(update=_times(each, share))
                for flow, each in box.flows.items()
            },
        }
    )


def _times(service: Service, share: float) -> Mapping[str, object]:
    # Still something that could be told: a scenario has no box that takes no time.
    mean_s = max(service.mean_s * share, min(service.mean_s, LEAST_S))
    low_s, high_s = (bound_s * share for bound_s in service.interval_s)
    return {
        "mean_s": mean_s,
        "interval_s": (min(low_s, mean_s), max(high_s, mean_s)),
        "event_loop_s": service.event_loop_s * share,
        "threads_s": service.threads_s * share,
    }


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
                coldness_per_s=coldness_per_s(results, core),
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

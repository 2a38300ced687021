"""From what was observed under load to the service times of boxes: arithmetic, no measuring.

The event loop's thread is metered box by box for each request. What is not metered is shared out by
counts: the threads of the stores by trips to them, the loop's own overhead by turns (a request, or
the return of a trip), HTTP outside the handlers by requests.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scenarios.calibration import Bin, BoxService, FlowVisits, Service
from sim.calibration.errors import TooFewSamplesError
from sim.calibration.sampler import CDN, GATEWAY, Sample
from sim.calibration.telling import Metrics
from sim.calibration.threads import ThreadTimes
from sim.theory.intervals import mean_interval

OUTSIDE = "event_loop"
"""What the server charges work to that is no box's."""

LEAST_SAMPLES = 5
CONFIDENCE = 0.95
BINS_PER_FACTOR = 5
"""Bins of a histogram from one duration to its double."""

_CALLS = "socialfeed_box_duration_seconds_count"
_CPU = "socialfeed_box_cpu_seconds_total"


@dataclass(frozen=True, slots=True)
class Observation:
    """A server under one load.

    Attributes:
        metrics: how much its counters have risen.
        cpu: of its threads meanwhile.
        samples: requests that were followed.
        requests: those of the load generator that were answered, by flow.
    """

    metrics: Metrics
    cpu: ThreadTimes
    samples: Sequence[Sample]
    requests: Mapping[str, float]

    @property
    def handled(self) -> float:
        """Requests that passed the gateway or the edge, whoever sent them."""
        return self.metrics.of(_CALLS, GATEWAY) + self.metrics.of(_CALLS, CDN)

    @property
    def boxes(self) -> frozenset[str]:
        """Boxes that the server tells of."""
        return frozenset(self.metrics.by_box(_CALLS))

    @property
    def cpu_s_per_request(self) -> float:
        """CPU seconds of the whole process for a request, work in the background included."""
        return self.cpu.total_s / self.handled


@dataclass(frozen=True, slots=True)
class Overheads:
    """CPU seconds that no box is charged with.

    Attributes:
        trip_s: of a store's thread, for a trip to it.
        turn_s: of the event loop, for each request and each return of a trip.
        http_s: of the event loop, for a request outside its handler.
    """

    trip_s: float
    turn_s: float
    http_s: float


def overheads(observation: Observation, stores: Iterable[str]) -> Overheads:
    """Return what was not metered, shared out by counts."""
    charged = observation.metrics.by_box(_CPU)
    trips = trips_to(stores, observation.metrics)
    handled = observation.handled
    return Overheads(
        trip_s=observation.cpu.others_s / max(trips, 1.0),
        turn_s=max(0.0, observation.cpu.main_s - sum(charged.values())) / (handled + trips),
        http_s=charged.get(OUTSIDE, 0.0) / handled,
    )


def trips_to(stores: Iterable[str], told: Metrics) -> float:
    """Return how often stores were called."""
    return sum(told.of(_CALLS, store) for store in stores)


@dataclass(frozen=True, slots=True)
class Visit:
    """All that one request did at one box: CPU seconds on the loop and on the stores' threads."""

    loop_s: float
    thread_s: float

    @property
    def service_s(self) -> float:
        """Of both."""
        return self.loop_s + self.thread_s


def visits(sample: Sample, over: Overheads, stores: frozenset[str]) -> Mapping[str, Visit]:
    """Return a request's visits, by box."""
    loop_s: dict[str, float] = defaultdict(float)
    trips: dict[str, int] = defaultdict(int)
    for call in sample.boxes:
        loop_s[call.box] += call.cpu_s or 0.0
        trips[call.box] += call.box in stores
    for front in sample.fronts:
        loop_s[front] += over.http_s + over.turn_s
    return {
        box: Visit(loop_s[box] + trips[box] * over.turn_s, trips[box] * over.trip_s)
        for box in loop_s
    }


@dataclass(frozen=True, slots=True)
class Sampled:
    """The visits of the requests that were sampled under one or several loads.

    Attributes:
        visits: by box, then by flow.
        samples: requests by flow.
        weights: requests of the load by flow: what a mean over all flows is weighted by.
    """

    visits: Mapping[str, Mapping[str, Sequence[Visit]]]
    samples: Mapping[str, int]
    weights: Mapping[str, float]


def sampled_visits(observations: Sequence[Observation], *, stores: frozenset[str]) -> Sampled:
    """Return all visits of the requests that were sampled.

    Raises:
        TooFewSamplesError: if a flow of the load has next to none.
    """
    found: dict[str, dict[str, list[Visit]]] = defaultdict(lambda: defaultdict(list))
    samples: dict[str, int] = defaultdict(int)
    weights: dict[str, float] = defaultdict(float)
    for observation in observations:
        over = overheads(observation, stores)
        for flow, requests in observation.requests.items():
            weights[flow] += requests
        for sample in observation.samples:
            samples[sample.flow] += 1
            for box, visit in visits(sample, over, stores).items():
                found[box][sample.flow].append(visit)
    for flow in weights:
        if samples[flow] < LEAST_SAMPLES:
            what = f"requests of {flow}"
            raise TooFewSamplesError(what=what, found=samples[flow], expected=LEAST_SAMPLES)
    return Sampled(found, samples, weights)


def box_services(sampled: Sampled) -> dict[str, BoxService]:
    """Return the service times of the boxes that requests visit, by box and by flow."""
    return {box: _box_service(by_flow, sampled) for box, by_flow in sampled.visits.items()}


def flow_visits(sampled: Sampled, boxes: Iterable[str]) -> dict[str, FlowVisits]:
    """Return, of each flow, the share of requests that came to each of these boxes."""
    told = tuple(boxes)
    return {
        flow: FlowVisits(
            samples=samples,
            visited={box: len(sampled.visits.get(box, {}).get(flow, ())) / samples for box in told},
        )
        for flow, samples in sampled.samples.items()
    }


def _box_service(by_flow: Mapping[str, Sequence[Visit]], sampled: Sampled) -> BoxService:
    flows = {flow: _service(visits) for flow, visits in by_flow.items()}
    # A sample of a rare flow stands for fewer requests than one of a common flow.
    weights = {
        flow: sampled.weights.get(flow, 0.0) * len(visits) / sampled.samples[flow]
        for flow, visits in by_flow.items()
    }
    total = math.fsum(weights.values())
    if not total:
        weights, total = dict.fromkeys(flows, 1.0), float(len(flows))

    def weighted(figure: Mapping[str, float]) -> float:
        return math.fsum(weights[flow] * figure[flow] for flow in flows) / total

    mean_s = weighted({flow: service.mean_s for flow, service in flows.items()})
    square = weighted({flow: (1 + each.scv) * each.mean_s**2 for flow, each in flows.items()})
    half_s = math.sqrt(
        math.fsum(
            (weights[flow] / total * (each.interval_s[1] - each.mean_s)) ** 2
            for flow, each in flows.items()
        )
    )
    return BoxService(
        mean_s=mean_s,
        scv=max(0.0, square / mean_s**2 - 1),
        interval_s=(max(0.0, mean_s - half_s), mean_s + half_s),
        samples=sum(each.samples for each in flows.values()),
        event_loop_s=weighted({flow: each.event_loop_s for flow, each in flows.items()}),
        threads_s=weighted({flow: each.threads_s for flow, each in flows.items()}),
        histogram=histogram([each.service_s for visits in by_flow.values() for each in visits]),
        flows=flows,
    )


def _service(visits: Sequence[Visit]) -> Service:
    count = len(visits)
    times_s = [visit.service_s for visit in visits]
    mean_s = math.fsum(times_s) / count
    variance = math.fsum((time_s - mean_s) ** 2 for time_s in times_s) / max(count - 1, 1)
    low_s = high_s = mean_s
    if count > 1:
        interval = mean_interval(times_s, confidence=CONFIDENCE)
        low_s, high_s = max(0.0, interval.low), interval.high
    return Service(
        mean_s=mean_s,
        scv=variance / mean_s**2,
        interval_s=(low_s, high_s),
        samples=count,
        event_loop_s=math.fsum(visit.loop_s for visit in visits) / count,
        threads_s=math.fsum(visit.thread_s for visit in visits) / count,
    )


def histogram(times_s: Sequence[float]) -> tuple[Bin, ...]:
    """Return counts in bins whose bounds grow by the same factor; empty bins are left out."""
    counts: dict[int, int] = defaultdict(int)
    for time_s in times_s:
        if time_s > 0:
            counts[math.ceil(BINS_PER_FACTOR * math.log2(time_s))] += 1
    return tuple(
        Bin(up_to_s=2 ** (edge / BINS_PER_FACTOR), visits=visits)
        for edge, visits in sorted(counts.items())
    )

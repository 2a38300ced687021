"""From what was observed under load to the service times of boxes: arithmetic, no measuring.

The event loop's thread is metered box by box for each request. What is not metered is shared out by
counts: the threads by trips to them (a read, a file, or a commit), the loop's own overhead by
turns (a request, or the return of a trip), HTTP outside the handlers by requests.
"""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from scenarios.calibration import Bin, BoxService, FlowVisits, Service
from sim.calibration.errors import TooFewSamplesError
from sim.calibration.sampler import CDN, GATEWAY, STORAGE, Sample
from sim.calibration.telling import CALLS, COMMIT_CPU_S, CPU_S, JOBS, Metrics
from sim.calibration.threads import ThreadTimes
from sim.theory.intervals import mean_interval

OUTSIDE = "event_loop"
"""What the server charges work to that is no box's."""

LEAST_SAMPLES = 5
CONFIDENCE = 0.95
BINS_PER_FACTOR = 5
"""Bins of a histogram from one duration to its double."""

LEAST_S = 1e-6
"""The resolution of `Server-Timing`: a box below it takes no time that could be told."""


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
        return self.metrics.of(CALLS, GATEWAY) + self.metrics.of(CALLS, CDN)

    @property
    def counted(self) -> Mapping[str, float]:
        """Requests of each flow that was sampled, those of the sampler included."""
        samples = Counter(sample.flow for sample in self.samples)
        return {flow: self.requests.get(flow, 0.0) + count for flow, count in samples.items()}

    @property
    def asked(self) -> float:
        """Requests as a load counts them: a media post is one, however many it takes.

        What only the sampler does is part of the others. Requests that no generator has counted,
        such as canaries', are taken to be of the same mix.
        """
        counted = self.counted
        of_the_load = sum(times for flow, times in counted.items() if flow in self.requests)
        return of_the_load * self.handled_of(counted) if of_the_load else self.handled

    def handled_of(self, counted: Mapping[str, float]) -> float:
        """Return how often all that was handled holds these requests, by flow."""
        each: dict[str, list[int]] = defaultdict(list)
        for sample in self.samples:
            each[sample.flow].append(sum(front != STORAGE for front in sample.fronts))
        known = math.fsum(times * statistics.fmean(each[flow]) for flow, times in counted.items())
        return self.handled / known if known else 0.0

    @property
    def boxes(self) -> frozenset[str]:
        """Boxes that the server tells of."""
        return frozenset(self.metrics.by_box(CALLS))

    def at_speed(self, speed: float) -> "Observation":
        """Return what would have been observed on a machine of speed 1, were this one's `speed`."""
        samples = [
            replace(each, boxes=tuple(box.at_speed(speed) for box in each.boxes))
            for each in self.samples
        ]
        return Observation(
            self.metrics.at_speed(speed), self.cpu.at_speed(speed), samples, self.requests
        )

    @property
    def cpu_s_per_request(self) -> float:
        """CPU seconds of the whole process for a request, work in the background included.

        Renditions are not: the processes that make them take what the others leave.
        """
        return self.cpu.total_s / self.asked


@dataclass(frozen=True, slots=True)
class Paths:
    """What of a scenario the attribution must know.

    Attributes:
        stores: boxes that have threads of their own.
        commits: boxes that commit what was written to stores, in batches.
        written: by flow, the stores whose last calls wait for such commits: one for each.
        files: boxes that keep files, by threads too; nothing of theirs waits for a commit.
    """

    stores: frozenset[str]
    commits: frozenset[str]
    written: Mapping[str, Sequence[str]]
    files: frozenset[str] = frozenset()

    def reads(self, told: Metrics) -> float:
        """Return how often stores were called to read."""
        calls = sum(told.of(CALLS, store) for store in self.stores)
        return max(0.0, calls - sum(told.of(JOBS, box) for box in self.commits))

    def reads_of(self, sample: Sample) -> Mapping[str, int]:
        """Return how often a request called stores to read, by box."""
        found: dict[str, int] = defaultdict(int)
        for call in sample.boxes:
            found[call.box] += call.box in self.stores
        for written in self.written.get(sample.flow, ()):
            if found.get(written):
                found[written] -= 1
        return found

    def trips_of(self, sample: Sample) -> Mapping[str, int]:
        """Return how often a request called threads, but to commit, by box."""
        filed = Counter(call.box for call in sample.boxes if call.box in self.files)
        return {**self.reads_of(sample), **filed}


@dataclass(frozen=True, slots=True)
class Overheads:
    """CPU seconds that no box is charged with.

    Attributes:
        trip_s: of a store's thread, for a trip to it; what a commit does in it is not in that.
        turn_s: of the event loop, for each request and each return of a trip.
        http_s: of the event loop, for a request outside its handler.
    """

    trip_s: float
    turn_s: float
    http_s: float


def overheads(observation: Observation, paths: Paths) -> Overheads:
    """Return what was not metered, shared out by counts."""
    told = observation.metrics
    charged = told.by_box(CPU_S)
    trips = paths.reads(told) + sum(told.of(CALLS, box) for box in paths.commits | paths.files)
    committing_s = sum(told.of(COMMIT_CPU_S, box) for box in paths.commits)
    handled = observation.handled
    return Overheads(
        trip_s=max(0.0, observation.cpu.others_s - committing_s) / max(trips, 1.0),
        turn_s=max(0.0, observation.cpu.main_s - sum(charged.values())) / (handled + trips),
        http_s=charged.get(OUTSIDE, 0.0) / handled,
    )


@dataclass(frozen=True, slots=True)
class Visit:
    """All that one request did at one box: CPU seconds on the loop and on the stores' threads."""

    loop_s: float
    thread_s: float

    @property
    def service_s(self) -> float:
        """Of both."""
        return self.loop_s + self.thread_s


def visits(sample: Sample, over: Overheads, paths: Paths) -> Mapping[str, Visit]:
    """Return a request's visits, by box; what it waits for a commit to do is not among them."""
    loop_s: dict[str, float] = defaultdict(float)
    for call in sample.boxes:
        loop_s[call.box] += call.cpu_s or 0.0
    for front in sample.fronts:
        loop_s[front] += over.http_s + over.turn_s
    trips = paths.trips_of(sample)
    return {
        box: Visit(own_s + trips.get(box, 0) * over.turn_s, trips.get(box, 0) * over.trip_s)
        for box, own_s in loop_s.items()
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


def sampled_visits(observations: Sequence[Observation], paths: Paths) -> Sampled:
    """Return all visits of the requests that were sampled.

    Raises:
        TooFewSamplesError: if a flow of the load has next to none.
    """
    found: dict[str, dict[str, list[Visit]]] = defaultdict(lambda: defaultdict(list))
    samples: dict[str, int] = defaultdict(int)
    weights: dict[str, float] = defaultdict(float)
    for observation in observations:
        over = overheads(observation, paths)
        for flow, requests in observation.requests.items():
            weights[flow] += requests
        for sample in observation.samples:
            samples[sample.flow] += 1
            for box, visit in visits(sample, over, paths).items():
                found[box][sample.flow].append(visit)
    for flow in weights:
        if samples[flow] < LEAST_SAMPLES:
            what = f"requests of {flow}"
            raise TooFewSamplesError(what=what, found=samples[flow], expected=LEAST_SAMPLES)
    return Sampled(found, samples, weights)


def box_services(sampled: Sampled) -> dict[str, BoxService]:
    """Return the service times of the boxes that requests visit, by box and by flow."""
    found = {box: _box_service(by_flow, sampled) for box, by_flow in sampled.visits.items()}
    return {box: service for box, service in found.items() if service.mean_s >= LEAST_S}


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
    told = {flow: service for flow, service in flows.items() if service.mean_s >= LEAST_S}
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
        scv=max(0.0, square / mean_s**2 - 1) if mean_s else 0.0,
        interval_s=(max(0.0, mean_s - half_s), mean_s + half_s),
        samples=sum(each.samples for each in flows.values()),
        event_loop_s=weighted({flow: each.event_loop_s for flow, each in flows.items()}),
        threads_s=weighted({flow: each.threads_s for flow, each in flows.items()}),
        histogram=histogram([each.service_s for visits in by_flow.values() for each in visits]),
        flows=told,
    )


_NOTHING_S = 1e-12
"""In place of 0, which no service time may be; such a box is left out."""


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
        mean_s=max(mean_s, _NOTHING_S),
        scv=variance / mean_s**2 if mean_s else 0.0,
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

"""Work that no request waits for: events taken from the queue, attributed to their consumers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from scenarios.calibration import BoxService
from sim.calibration.attribution import LEAST_SAMPLES, Observation, overheads, trips_to

_CALLS = "socialfeed_box_duration_seconds_count"
_BUSY = "socialfeed_box_duration_seconds_sum"
_CPU = "socialfeed_box_cpu_seconds_total"

_UNKNOWN_SCV = 1.0
"""Only sums over many batches are told, not the time of each."""


def consumer_services(
    observations: Sequence[Observation], *, consumers: Sequence[str], stores: frozenset[str]
) -> dict[str, BoxService]:
    """Return the service time of a batch at each box that takes events from the queue.

    All work in the background is theirs, the statements that they run at stores included: what the
    event loop was charged with for their own box, and what the stores did besides the requests,
    shared out by how long each consumer was at work. The interval is the range of the loads.
    """
    totals_s: dict[str, list[float]] = defaultdict(list)
    batches: dict[str, list[float]] = defaultdict(list)
    for observation in observations:
        background_s = _background_store_s(observation, stores)
        busy_s = {box: observation.metrics.of(_BUSY, box) for box in consumers}
        for box in consumers:
            share = busy_s[box] / sum(busy_s.values()) if any(busy_s.values()) else 0.0
            totals_s[box].append(observation.metrics.of(_CPU, box) + share * background_s)
            batches[box].append(observation.metrics.of(_CALLS, box))
    return {
        box: _batch_service(totals_s[box], batches[box])
        for box in consumers
        if sum(batches[box]) >= LEAST_SAMPLES and sum(totals_s[box]) > 0
    }


def renditions_service(observations: Sequence[Observation], box: str) -> dict[str, BoxService]:
    """Return the service time of an upload at the box whose work is done in other processes.

    It is the CPU of the processes that the server has started and that have ended, at the lowest
    priority; none if next to no upload was processed. The interval is the range of the loads.
    """
    totals_s = [observation.cpu.children_s for observation in observations]
    uploads = [observation.metrics.of(_CALLS, box) for observation in observations]
    if sum(uploads) < LEAST_SAMPLES or not sum(totals_s):
        return {}
    return {box: _batch_service(totals_s, uploads)}


def _batch_service(totals_s: Sequence[float], batches: Sequence[float]) -> BoxService:
    each_s = [total_s / count for total_s, count in zip(totals_s, batches, strict=True) if count]
    return BoxService(
        mean_s=sum(totals_s) / sum(batches),
        scv=_UNKNOWN_SCV,
        interval_s=(min(each_s), max(each_s)),
        samples=round(sum(batches)),
    )


def _background_store_s(observation: Observation, stores: frozenset[str]) -> float:
    """Return the CPU seconds of trips to stores that no request made."""
    over = overheads(observation, stores)
    trips = trips_to(stores, observation.metrics)
    charged_s = sum(observation.metrics.of(_CPU, store) for store in stores)
    own_trips, own_charged_s = _of_requests(observation, stores)
    background = max(0.0, trips - own_trips)
    return background * (over.trip_s + over.turn_s) + max(0.0, charged_s - own_charged_s)


def _of_requests(observation: Observation, stores: frozenset[str]) -> tuple[float, float]:
    """Return the trips of all requests, and what the loop was charged for them, from the samples.

    The requests that no generator has counted, such as canaries', are taken to be of the same mix.
    """
    trips: dict[str, int] = defaultdict(int)
    charged_s: dict[str, float] = defaultdict(float)
    samples: dict[str, int] = defaultdict(int)
    for sample in observation.samples:
        samples[sample.flow] += 1
        for call in sample.boxes:
            if call.box in stores:
                trips[sample.flow] += 1
                charged_s[sample.flow] += call.cpu_s or 0.0
    counted = _weighted(observation.requests, samples)
    known = sum(counted.values())
    factor = observation.handled / known if known else 0.0
    return (
        factor * sum(counted[flow] * trips[flow] / samples[flow] for flow in counted),
        factor * sum(counted[flow] * charged_s[flow] / samples[flow] for flow in counted),
    )


def _weighted(requests: Mapping[str, float], samples: Mapping[str, int]) -> Mapping[str, float]:
    """Return the requests of each flow that was sampled, the sampler's own included."""
    return {flow: requests.get(flow, 0.0) + count for flow, count in samples.items()}

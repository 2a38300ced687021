"""Batches, which are group commits and events of the queue: what one costs, what a visit adds.

The fuller the server, the more visits share a batch: a cost by the visit, taken at one load, is
wrong at all others. So the two parts are told apart over several loads.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from scenarios.calibration import BoxService
from sim.calibration.attribution import (
    LEAST_SAMPLES,
    Observation,
    Paths,
    overheads,
)
from sim.calibration.telling import BUSY_S, CALLS, COMMIT_CPU_S, CPU_S, DELIVERED, JOBS

UNKNOWN_SCV = 1.0
"""Only sums over many batches are told, not the time of each."""


@dataclass(frozen=True, slots=True)
class Batches:
    """Batches of one load: how many, of how many visits, in how many CPU seconds altogether."""

    number: float
    visits: float
    total_s: float


@dataclass(frozen=True, slots=True)
class BatchCost:
    """CPU seconds of a batch, and of each visit in it beside."""

    batch_s: float
    visit_s: float

    def of(self, batches: Batches) -> float:
        """Return what so many would take."""
        return self.batch_s * batches.number + self.visit_s * batches.visits


def batch_cost(loads: Sequence[Batches]) -> BatchCost:
    """Return the costs that explain the loads best: least squares of relative errors, not negative.

    A load without batches says nothing.
    """
    rows = [
        (each.number / each.total_s, each.visits / each.total_s) for each in loads if each.total_s
    ]
    nn, nv, vv = (
        sum(row[first] * row[second] for row in rows) for first, second in ((0, 0), (0, 1), (1, 1))
    )
    n, v = (sum(row[column] for row in rows) for column in (0, 1))
    determinant = nn * vv - nv**2
    if determinant > _SAME * nn * vv:
        batch_s, visit_s = (n * vv - v * nv) / determinant, (v * nn - n * nv) / determinant
        if batch_s >= 0 and visit_s >= 0:
            return BatchCost(batch_s, visit_s)
    # One of them alone: that which leaves less unexplained.
    alone = (BatchCost(n / nn if nn else 0.0, 0.0), BatchCost(0.0, v / vv if vv else 0.0))
    return min(
        alone,
        key=lambda cost: sum((1 - cost.batch_s * a - cost.visit_s * b) ** 2 for a, b in rows),
    )


_SAME = 1e-6
"""Of the product of the squares: batches were all of one size, and their parts cannot be told."""


def commit_service(
    observations: Sequence[Observation], box: str, *, low: Observation, paths: Paths
) -> BoxService | None:
    """Return what a group commit takes of the core, what each job adds, and the disk's part.

    None if the server tells of none. The disk's part is what commits took beside their CPU under
    the load where that was least: all else that keeps a thread from going on comes on top.
    """
    loads = [_commits(each, box, paths) for each in observations]
    waits_s = [
        (each.metrics.of(BUSY_S, box) - each.metrics.of(COMMIT_CPU_S, box)) / number
        for each in (low, *observations)
        if (number := each.metrics.of(CALLS, box)) >= LEAST_SAMPLES
    ]
    if sum(each.number for each in loads) < LEAST_SAMPLES or not waits_s:
        return None
    return _service(loads, wait_s=max(0.0, min(waits_s)))


def _commits(observation: Observation, box: str, paths: Paths) -> Batches:
    over = overheads(observation, paths)
    number = observation.metrics.of(CALLS, box)
    return Batches(
        number=number,
        visits=observation.metrics.of(JOBS, box),
        total_s=observation.metrics.of(COMMIT_CPU_S, box) + number * (over.trip_s + over.turn_s),
    )


def consumer_services(
    observations: Sequence[Observation],
    *,
    low: Observation,
    consumers: Sequence[str],
    paths: Paths,
) -> dict[str, BoxService]:
    """Return the cost of a batch at each box that takes events from the queue.

    All work in the background is theirs, what they read from stores included: what the event loop
    was charged with for their own box, and what the stores did besides the requests, shared out by
    how long each consumer was at work. What they write is in group commits. What a batch takes
    beside its work and a commit, trips to threads that have to wake up, is that of the load where
    it was least.
    """
    found = {
        box: [_consumed(each, box, consumers, paths) for each in observations] for box in consumers
    }
    return {
        box: _service(
            loads,
            wait_s=min(
                _beside_s(each, _consumed(each, box, consumers, paths), box, paths)
                for each in (low, *observations)
                if each.metrics.of(CALLS, box) >= LEAST_SAMPLES
            ),
        )
        for box, loads in found.items()
        if sum(each.number for each in loads) >= LEAST_SAMPLES
        and sum(each.total_s for each in loads) > 0
    }


def _consumed(
    observation: Observation, box: str, consumers: Sequence[str], paths: Paths
) -> Batches:
    told = observation.metrics
    busy_s = math.fsum(told.of(BUSY_S, each) for each in consumers)
    share = told.of(BUSY_S, box) / busy_s if busy_s else 0.0
    return Batches(
        number=told.of(CALLS, box),
        visits=told.of(DELIVERED, box),
        total_s=told.of(CPU_S, box) + share * _background_store_s(observation, paths),
    )


def _beside_s(observation: Observation, consumed: Batches, box: str, paths: Paths) -> float:
    """Return what a batch has taken of the time beside its work and a commit."""
    told = observation.metrics
    commits = math.fsum(told.of(CALLS, each) for each in paths.commits)
    committing_s = math.fsum(told.of(BUSY_S, each) for each in paths.commits)
    commit_s = committing_s / commits if commits else 0.0
    return max(0.0, (told.of(BUSY_S, box) - consumed.total_s) / consumed.number - commit_s)


def _service(loads: Sequence[Batches], *, wait_s: float = 0.0) -> BoxService:
    cost = batch_cost(loads)
    # How far the loads are from the line through them, as a share: the interval of the cost.
    off = max(abs(each.total_s / cost.of(each) - 1) for each in loads if each.number)
    mean_s = max(cost.batch_s, _LEAST_S)
    return BoxService(
        mean_s=mean_s,
        scv=UNKNOWN_SCV,
        interval_s=(mean_s * max(0.0, 1 - off), mean_s * (1 + off)),
        samples=round(sum(each.number for each in loads)),
        per_visit_s=cost.visit_s,
        wait_s=wait_s,
    )


_LEAST_S = 1e-6
"""A scenario has no box that takes no time."""


def _background_store_s(observation: Observation, paths: Paths) -> float:
    """Return the CPU seconds of reads from stores that no request made."""
    over = overheads(observation, paths)
    charged_s = sum(observation.metrics.of(CPU_S, store) for store in paths.stores)
    own_reads, own_charged_s = _of_requests(observation, paths)
    background = max(0.0, paths.reads(observation.metrics) - own_reads)
    return background * (over.trip_s + over.turn_s) + max(0.0, charged_s - own_charged_s)


def _of_requests(observation: Observation, paths: Paths) -> tuple[float, float]:
    """Return the reads of all requests, and what the loop was charged for them, from the samples.

    The requests that no generator has counted, such as canaries', are taken to be of the same mix.
    """
    reads: dict[str, list[int]] = defaultdict(list)
    charged_s: dict[str, list[float]] = defaultdict(list)
    for sample in observation.samples:
        reads[sample.flow].append(sum(paths.reads_of(sample).values()))
        charged_s[sample.flow].append(
            sum(call.cpu_s or 0.0 for call in sample.boxes if call.box in paths.stores)
        )
    counted = observation.counted
    factor = observation.handled_of(counted)
    return (
        factor * sum(times * fmean(reads[flow]) for flow, times in counted.items()),
        factor * sum(times * fmean(charged_s[flow]) for flow, times in counted.items()),
    )

"""Which part of a fleet is simulated: some of its instances, at exactly their own utilisation.

A fleet of n instances behind a random balancer receives n thinned streams, so m of them can be
simulated alone (Poisson thinning: exact at the first station, the large-fleet limit behind it). A
share of the requests is followed through every box; what the sampled instances would receive from
all other requests is added at each box as background visits. Rare flows are followed more often
than common ones, in place of background, so that no box carries more load than in the whole fleet.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.estimates.items import FixedItems, PushedFollowers
from sim.estimates.workload import PLAIN, Habits, Workload, WorkStep

MOST_MEASURED_S = 3600.0
WARMUP_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Effort:
    """How much one replication simulates.

    Attributes:
        visits: about as many visits of followed requests, the warm-up included.
        least_measured_s: simulated seconds measured at least; a slice must be long against the
            time in which a queue forgets how it started.
        requests_per_flow: of each flow, rare ones included, where the load allows it.
    """

    visits: float
    least_measured_s: float
    requests_per_flow: float


@dataclass(frozen=True, slots=True)
class BackgroundVisits:
    """Visits to a box by requests that are not followed: one visit at a time.

    Attributes:
        step: whose service time they have.
        rate_per_s: to all sampled instances of the box together.
    """

    step: WorkStep
    rate_per_s: float


@dataclass(frozen=True, slots=True)
class BackgroundBatches:
    """Visits that requests not followed make to a box at once, each to any of its instances.

    Attributes:
        step: whose service time and number of visits they have.
        rate_per_s: of such requests, the whole fleet's.
    """

    step: WorkStep
    rate_per_s: float


@dataclass(frozen=True, slots=True)
class BoxSample:
    """The instances of a box that are simulated, and what they receive beside followed requests.

    Attributes:
        instances: of the whole fleet in the region.
        sampled: of these, simulated.
        workers: per instance.
        pooled: whether they take their work from one queue.
        habits: of the workers.
    """

    box: str
    instances: int
    sampled: int
    workers: int
    pooled: bool
    visits: tuple[BackgroundVisits, ...]
    batches: tuple[BackgroundBatches, ...]
    habits: Habits = PLAIN

    @property
    def sampled_share(self) -> float:
        """Share of the box's instances that are simulated."""
        return self.sampled / self.instances


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """What one replication simulates.

    Attributes:
        followed: share of each flow's requests that are followed, by flow.
        common_share: of the most common flows, the least followed.
        measured_s, warmup_s: simulated seconds, the warm-up first.
    """

    boxes: Mapping[str, BoxSample]
    followed: Mapping[str, float]
    common_share: float
    measured_s: float
    warmup_s: float


def is_spread(step: WorkStep) -> bool:
    """Whether a request may visit the step's box several times at once, at any instances."""
    return not (isinstance(step.items, FixedItems) and math.ceil(step.items.mean) <= step.chunk)


def sample_plan(
    work: Workload,
    *,
    load_share: float,
    instances: Mapping[str, int],
    workers: Mapping[str, int],
    effort: Effort,
) -> SamplePlan:
    """Return what to simulate of a region's fleet.

    Args:
        work: the flows; their rates are the whole system's mean.
        load_share: load of the region and hour simulated over the whole system's mean.
        instances: of each box in that region.
        workers: of each box, per instance.
        effort: how much to simulate.
    """
    rates = {flow.name: flow.requests_per_s * load_share for flow in work.flows}
    visits_per_s = sum(
        rates[flow.name] * sum(step.mean_visits for step in flow.steps) for flow in work.flows
    )
    measured_s, common = _measured(effort, rates, visits_per_s=visits_per_s)
    followed = {
        name: min(1.0, max(common, effort.requests_per_flow / (rate * measured_s))) if rate else 1.0
        for name, rate in rates.items()
    }
    return SamplePlan(
        boxes={
            box: _box_sample(
                box,
                instances=total,
                workers=workers[box],
                streams=[
                    _Stream(step, rates[flow.name], followed[flow.name])
                    for flow in work.flows
                    for step in flow.steps
                    if step.box == box
                ],
            )
            for box, total in instances.items()
        },
        followed=followed,
        common_share=common,
        measured_s=measured_s,
        warmup_s=measured_s * WARMUP_SHARE,
    )


def _measured(
    effort: Effort, rates: Mapping[str, float], *, visits_per_s: float
) -> tuple[float, float]:
    """Return how many seconds to measure, and which share of the common flows to follow."""
    if not visits_per_s:
        return effort.least_measured_s, 1.0
    affordable_s = effort.visits / (1 + WARMUP_SHARE) / visits_per_s
    # Rare flows want more time; it is paid for by following fewer of the common ones, as far as
    # that saves: each box has at least one instance, whose whole load is simulated.
    rarest = min(rate for rate in rates.values() if rate)
    wanted_s = min(effort.requests_per_flow / rarest, _LONGER * affordable_s)
    measured_s = min(max(affordable_s, wanted_s, effort.least_measured_s), MOST_MEASURED_S)
    return measured_s, min(1.0, affordable_s / measured_s)


_LONGER = 3.0


@dataclass(frozen=True, slots=True)
class _Stream:
    """A step's visits to a box: of how many requests a second, and which share is followed."""

    step: WorkStep
    rate_per_s: float
    followed: float

    @property
    def busy_workers(self) -> float:
        return self.rate_per_s * self.step.mean_busy_s


def _box_sample(box: str, *, instances: int, workers: int, streams: Sequence[_Stream]) -> BoxSample:
    single = [stream for stream in streams if not is_spread(stream.step)]
    busy = sum(stream.busy_workers for stream in single)
    busy_followed = sum(stream.followed * stream.busy_workers for stream in single)
    needed = instances * busy_followed / busy if busy else 0.0
    sampled = max(1, math.ceil(needed - _ROUNDING))
    share = sampled / instances
    return BoxSample(
        box=box,
        instances=instances,
        sampled=sampled,
        workers=workers,
        pooled=bool(streams) and all(stream.step.queued for stream in streams),
        visits=_background_visits(single, share, share * busy - busy_followed),
        batches=tuple(
            BackgroundBatches(
                step=stream.step,
                rate_per_s=background * stream.rate_per_s * _taken(stream.step),
            )
            for stream in streams
            if is_spread(stream.step) and (background := _weight(stream.step) - stream.followed) > 0
        ),
        # All steps that visit a box find the same workers there.
        habits=next((stream.step.habits for stream in streams), PLAIN),
    )


_ROUNDING = 1e-9


def _background_visits(
    single: Sequence[_Stream], share: float, busy_missing: float
) -> tuple[BackgroundVisits, ...]:
    # Flows that are followed more often than the instances are sampled bring more than their part;
    # the others' background shrinks so that the load comes out right.
    lacking = [
        (stream.step, (share - stream.followed) * stream.rate_per_s * stream.step.mean_visits)
        for stream in single
        if stream.followed < share
    ]
    busy_lacking = sum(rate * step.mean_visit_time_s for step, rate in lacking)
    if busy_missing <= 0 or busy_lacking <= 0:
        return ()
    scale = busy_missing / busy_lacking
    return tuple(BackgroundVisits(step=step, rate_per_s=rate * scale) for step, rate in lacking)


def _weight(step: WorkStep) -> float:
    """Return the step's work over that of the requests that are drawn.

    Posts of the most followed authors are not drawn: hours of simulation would be needed to meet
    their effect on a percentile. Their work is spread evenly, as more of the usual posts; what one
    of them does is a celebrity_post event's to tell.
    """
    law = step.items
    if not isinstance(law, PushedFollowers) or not law.usual.mean:
        return 1.0

    def busy_s(followers: PushedFollowers) -> float:
        visits = followers.mean_visits(step.chunk)
        return visits * step.base_time_s + followers.mean * step.time_per_item_s

    usual_s = busy_s(law.usual)
    return busy_s(law) / usual_s if usual_s else 1.0


def _taken(step: WorkStep) -> float:
    """Share of requests that come to this step."""
    visits = step.items.mean_visits(step.chunk)
    return step.mean_visits / visits if visits else 0.0

"""What the engine says of one machine under a load that somebody else chooses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scenarios.model import Scenario
from sim.engine.replication import SliceSpec, play
from sim.engine.sampling import Effort, sample_plan
from sim.estimates.book import open_sheet
from sim.estimates.workload import Workload, workload
from sim.loadtest.canaries import FIRST_PAUSE_S, LONGEST_PAUSE_S, PAUSE_GROWTH

REPLICATIONS = 4
VISITS = 60_000
"""Of one replication, about; some seconds of a busy server."""

SATURATED = 1.0
"""From this utilisation on a queue grows for as long as the load lasts: it has no percentiles."""

_LEAST_BEYOND = 5
"""Requests beyond a percentile for it to be told."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the engine says of a load; None where it cannot tell.

    Attributes:
        p50_s, p99_s: response times, by flow.
        freshness_p50_s, freshness_p99_s: from a post's confirmation until the watchers of a load
            test have read it.
        utilisation: of the busiest box, in closed form, batches full; from 1 on it saturates.
        busy: part of the time that the busiest box's workers were seen at work.
    """

    p50_s: Mapping[str, float | None]
    p99_s: Mapping[str, float | None]
    freshness_p50_s: float | None
    freshness_p99_s: float | None
    utilisation: float
    busy: float


def predicted(scenario: Scenario, rates_per_s: Mapping[str, float], *, seed: int) -> Predicted:
    """Return what one instance of each box does under these requests a second, by flow.

    A flow that no client asks for, such as a notification, comes as often as those that are asked
    for bring it in the scenario's own mix.
    """
    work = _at_rates(open_sheet(scenario).once(workload), rates_per_s)
    utilisation = max(_utilisation(work, scenario).values())
    if utilisation >= SATURATED:
        nothing = dict.fromkeys(rates_per_s)
        return Predicted(nothing, nothing, None, None, utilisation=utilisation, busy=1.0)
    results = [play(_slice(work, scenario, seed=seed, number=n)) for n in range(REPLICATIONS)]
    times_s = {name: _pooled([r.response_times_s[name] for r in results]) for name in rates_per_s}
    read_s = _quantile(times_s.get(_READ_FEED, np.empty(0)), 0.5) or 0.0
    freshness_s = as_watched(
        _pooled([each for r in results for each in r.freshness_s.values()]), read_s=read_s
    )
    return Predicted(
        p50_s={name: _quantile(each, 0.5) for name, each in times_s.items()},
        p99_s={name: _quantile(each, 0.99) for name, each in times_s.items()},
        freshness_p50_s=_quantile(freshness_s, 0.5),
        freshness_p99_s=_quantile(freshness_s, 0.99),
        utilisation=utilisation,
        busy=max(
            sum(result.utilisation[box] for result in results) / len(results)
            for box in results[0].utilisation
        ),
    )


def as_watched(freshness_s: NDArray[np.float64], *, read_s: float) -> NDArray[np.float64]:
    """Return when posts that are in feeds after these times are found by who reads again and again.

    A load test's watcher reads after pauses that grow; it has found the post when a read that began
    after the post was there is answered, `read_s` later.
    """
    starts_s, pause_s = [FIRST_PAUSE_S], FIRST_PAUSE_S
    longest_s = float(freshness_s.max()) if len(freshness_s) else 0.0
    while starts_s[-1] < longest_s:
        pause_s = min(pause_s * PAUSE_GROWTH, LONGEST_PAUSE_S)
        starts_s.append(starts_s[-1] + read_s + pause_s)
    starts = np.asarray(starts_s)
    return np.asarray(starts[np.searchsorted(starts, freshness_s)] + read_s)


def capacity_per_s(scenario: Scenario, rates_per_s: Mapping[str, float]) -> float:
    """Return the rate, in this mix, at which the first box saturates."""
    work = _at_rates(open_sheet(scenario).once(workload), rates_per_s)
    return sum(rates_per_s.values()) / max(_utilisation(work, scenario).values())


def _at_rates(work: Workload, rates_per_s: Mapping[str, float]) -> Workload:
    """Return the flows at these rates; those that follow from others in proportion to them."""
    asked = sum(flow.requests_per_s for flow in work.flows if flow.name in rates_per_s)
    causes = {flow.name: flow.requests_per_s for flow in work.flows}
    flows = []
    for flow in work.flows:
        if flow.name in rates_per_s:
            rate = rates_per_s[flow.name]
        elif flow.name == _NOTIFICATION:
            rate = flow.requests_per_s * _growth(causes, rates_per_s)
        else:
            rate = flow.requests_per_s * sum(rates_per_s.values()) / asked if asked else 0.0
        flows.append(replace(flow, requests_per_s=rate))
    return Workload(flows=tuple(flows), boxes=work.boxes)


_READ_FEED = "read_feed"
_NOTIFICATION = "notification"
_NOTIFIED = ("like", "comment")
"""The flows of the design whose last step is the notification flow."""


def _growth(own_per_s: Mapping[str, float], rates_per_s: Mapping[str, float]) -> float:
    own = sum(own_per_s.get(name, 0.0) for name in _NOTIFIED)
    return sum(rates_per_s.get(name, 0.0) for name in _NOTIFIED) / own if own else 0.0


def _utilisation(work: Workload, scenario: Scenario) -> Mapping[str, float]:
    busy = dict.fromkeys(scenario.standing_boxes, 0.0)
    for flow in work.flows:
        for step in flow.steps:
            for box in {step.box, step.habits.runs_on} & busy.keys():
                busy[box] += flow.requests_per_s * step.mean_busy_s
    return {box: erlangs / scenario.boxes[box].workers for box, erlangs in busy.items()}


def _slice(work: Workload, scenario: Scenario, *, seed: int, number: int) -> SliceSpec:
    boxes = scenario.standing_boxes
    plan = sample_plan(
        work,
        load_share=1.0,
        instances=dict.fromkeys(boxes, 1),
        workers={name: box.workers for name, box in boxes.items()},
        # No flow is followed more often than it comes: the machine is played whole.
        effort=Effort(visits=VISITS, least_measured_s=0.0, requests_per_flow=0.0),
    )
    return SliceSpec(
        flows=work.flows,
        rates_per_s={flow.name: flow.requests_per_s for flow in work.flows},
        plan=plan,
        balancers={name: box.balancer for name, box in boxes.items()},
        hop_s=float(scenario.network.hop),
        seed=seed,
        number=number,
    )


def _pooled(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate(parts) if parts else np.empty(0)


def _quantile(times_s: NDArray[np.float64], share: float) -> float | None:
    if len(times_s) * (1 - share) < _LEAST_BEYOND:
        return None
    return float(np.quantile(times_s, share))

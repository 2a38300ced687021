"""A sample of the fleet against the whole fleet, and the load that a sample carries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from sim.engine.replication import SliceResult, play
from sim.engine.sampling import Effort, SamplePlan
from sim.estimates.items import FixedItems
from sim.estimates.workload import CacheOutcome
from sim.theory.intervals import Interval, mean_interval
from tests.validation.stations import Fleet, System, Takes, flow, sampled, spec, step, whole

CONFIDENCE = 0.9995
UTILISATION = 0.65
CHUNKS = 6
PAIRS = 20


def fanning_out(instances: int) -> System:
    """Return gateway, db and a fan-out to six feeds at once; all boxes equally loaded."""
    workers = 2
    steps = (
        step("gateway", 1.0),
        step("db", 1.0, after=(0,)),
        step("feeds", 1 / CHUNKS, after=(1,), takes=Takes(items=FixedItems(float(CHUNKS)))),
    )
    rate_per_s = UTILISATION * workers * instances
    fleet = Fleet(workers, instances)
    return System(
        [flow(*steps, rate_per_s=rate_per_s)], dict.fromkeys(["gateway", "db", "feeds"], fleet)
    )


def two_of(instances: int, *, measured_s: float) -> SamplePlan:
    """Return the plan that follows as many requests as two instances of all would get."""
    system = fanning_out(instances)
    visits_per_s = system.flows[0].requests_per_s * (2 + CHUNKS)
    followed = 2 / instances
    plan = sampled(
        system,
        effort=Effort(
            visits=visits_per_s * followed * measured_s * 1.25,
            least_measured_s=measured_s,
            requests_per_flow=1,
        ),
    )
    assert plan.common_share == pytest.approx(followed)
    assert [plan.boxes[box].sampled for box in ("gateway", "db")] == [2, 2]
    return plan


@dataclass(frozen=True, slots=True)
class Played:
    """Mean and 99th percentile of the response time, and utilisations, by replication."""

    means_s: Sequence[float]
    p99s_s: Sequence[float]
    utilisation: dict[str, Sequence[float]]


def replications(system: System, plan: SamplePlan, *, seeds: range) -> Played:
    results = [play(spec(system, plan, seed=seed)) for seed in seeds]
    responses_s = [result.response_times_s["read"] for result in results]
    return Played(
        means_s=[float(each.mean()) for each in responses_s],
        p99s_s=[float(np.quantile(each, 0.99)) for each in responses_s],
        utilisation={box: [result.utilisation[box] for result in results] for box in plan.boxes},
    )


def relative_bias(found: Sequence[float], truth: Sequence[float], what: str) -> Interval:
    """Interval of found over truth, less one, over pairs of independent replications."""
    scale = float(np.mean(truth))
    ratios = [(one - other) / scale for one, other in zip(found, truth, strict=True)]
    bias = mean_interval(ratios, confidence=CONFIDENCE)
    print(f"bias of {what}: {bias.estimate:+.1%} ± {bias.half_width:.1%}")
    return bias


@pytest.mark.slow
@pytest.mark.parametrize(("instances", "measured_s"), [(8, 120.0), (24, 40.0)])
def test_a_sample_responds_as_the_whole_fleet_does(instances: int, measured_s: float) -> None:
    system = fanning_out(instances)
    whole_plan = whole(system, measured_s=measured_s, warmup_s=25)

    whole_fleet = replications(system, whole_plan, seeds=range(PAIRS))
    sample = replications(system, two_of(instances, measured_s=400), seeds=range(100, 100 + PAIRS))

    mean = relative_bias(sample.means_s, whole_fleet.means_s, f"the mean, 2 of {instances}")
    p99 = relative_bias(sample.p99s_s, whole_fleet.p99s_s, f"the 99th percentile, 2 of {instances}")
    assert mean.covers(0)
    assert p99.covers(0)
    assert mean.half_width < 0.12
    for box in ("gateway", "db", "feeds"):
        assert mean_interval(sample.utilisation[box], confidence=CONFIDENCE).covers(UTILISATION)
        assert mean_interval(whole_fleet.utilisation[box], confidence=CONFIDENCE).covers(
            UTILISATION
        )


def test_a_sample_without_the_rest_of_the_fan_out_would_be_found_out() -> None:
    system, plan = fanning_out(8), two_of(8, measured_s=200)
    alone = replace(plan.boxes["feeds"], batches=())

    found = replications(
        system, replace(plan, boxes={**plan.boxes, "feeds": alone}), seeds=range(4)
    )

    interval = mean_interval(found.utilisation["feeds"], confidence=CONFIDENCE)
    assert interval.high < UTILISATION


def with_rare_flows() -> System:
    """Return a common flow with a cache, and rare ones with a fan-out and a fraction of a visit."""
    miss = Takes(outcome=CacheOutcome(position=1, hit=False), share=0.3)
    read = flow(
        step("gateway", 0.010),
        step("cache", 0.002, scv=0.5, after=(0,), takes=Takes(hit_ratio=0.7)),
        step("db", 0.040, scv=1.5, after=(1,), takes=miss),
        rate_per_s=1_000,
    )
    post = flow(
        step("gateway", 0.020),
        step("db", 0.030, after=(0,)),
        step("feeds", 0.010, after=(1,), takes=Takes(items=FixedItems(40.0), chunk=3)),
        step("db", 0.050, name="log", after=(0,), takes=Takes(probability=0.5)),
        name="post",
        rate_per_s=20,
    )
    report = flow(
        step("db", 0.5, takes=Takes(items=FixedItems(0.4))), name="report", rate_per_s=1.0
    )
    fleets = {
        "gateway": Fleet(workers=2, instances=10),
        "cache": Fleet(workers=1, instances=4),
        "db": Fleet(workers=4, instances=8),
        "feeds": Fleet(workers=1, instances=5),
    }
    return System([read, post, report], fleets)


def busy_share(system: System, box: str) -> float:
    """Share of a box's workers that are busy, in closed form."""
    fleet = system.fleet(box)
    busy = sum(
        flow.requests_per_s * step.mean_busy_s
        for flow in system.flows
        for step in flow.steps
        if step.box == box
    )
    return busy / (fleet.instances * fleet.workers)


@pytest.mark.slow
@pytest.mark.parametrize("requests_per_flow", [1, 300])
def test_background_visits_bring_every_box_to_its_utilisation(requests_per_flow: int) -> None:
    # With 300 requests of each flow the rare ones are followed four times and eighty times as often
    # as the common one.
    system = with_rare_flows()
    effort = Effort(visits=6_000, least_measured_s=15.0, requests_per_flow=requests_per_flow)
    plan = sampled(system, effort=effort)

    results = [play(spec(system, plan, seed=seed)) for seed in range(12)]

    for box in plan.boxes:
        found = mean_interval([each.utilisation[box] for each in results], confidence=CONFIDENCE)
        expected = busy_share(system, box)
        print(f"{box}: {expected:.4f} in {found}")
        assert found.covers(expected)
        assert found.half_width < 0.15 * expected


def measured(results: Sequence[SliceResult], name: str) -> int:
    return sum(len(each.response_times_s[name]) for each in results)


def test_rare_flows_are_followed_as_often_as_asked() -> None:
    system = with_rare_flows()
    effort = Effort(visits=6_000, least_measured_s=15.0, requests_per_flow=12)

    plan = sampled(system, effort=effort)

    assert plan.followed["read"] == plan.common_share < 0.2
    assert plan.followed["report"] == pytest.approx(12 / 15)
    results = [play(spec(system, plan, seed=seed)) for seed in range(10)]
    # 120 reports in all are expected, give or take four standard deviations.
    assert abs(measured(results, "report") - 120) < 4 * 120**0.5


def test_a_small_load_is_played_whole() -> None:
    system = fanning_out(2)

    plan = sampled(system, effort=Effort(visits=1e9, least_measured_s=1.0, requests_per_flow=1))

    assert plan.followed == {"read": 1.0}
    assert all(not box.visits and not box.batches for box in plan.boxes.values())
    assert plan.boxes["gateway"].sampled == 2


def test_a_box_that_nobody_visits_is_sampled_idle() -> None:
    system = System([flow(step("db"), rate_per_s=0.0)])

    plan = sampled(system, effort=Effort(visits=10, least_measured_s=1.0, requests_per_flow=1))
    result = play(spec(system, replace(plan, measured_s=5.0)))

    assert result.utilisation == {"db": 0.0}
    assert result.requests == 0

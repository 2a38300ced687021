"""The same seed gives the same numbers; a change in one place leaves other draws alone."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from sim.engine.replication import CelebrityPost, SliceResult, SliceSpec, play
from sim.engine.sampling import Effort
from sim.estimates.items import FixedItems
from sim.estimates.workload import CacheOutcome, WorkFlow
from sim.theory.intervals import mean_interval
from tests.validation.stations import Fleet, System, Takes, flow, sampled, spec, step, whole


def reading() -> WorkFlow:
    miss = Takes(outcome=CacheOutcome(position=0, hit=False), share=0.4)
    return flow(
        step("cache", 0.1, takes=Takes(hit_ratio=0.6)),
        step("db", 0.5, after=(0,), takes=miss),
        step("feeds", 0.05, after=(1,), takes=Takes(items=FixedItems(4.5))),
        rate_per_s=20,
    )


def sampled_spec(*, seed: int, number: int = 0) -> SliceSpec:
    system = System([reading()], {"cache": Fleet(2, 4), "db": Fleet(4, 3), "feeds": Fleet(2, 6)})
    effort = Effort(visits=1_500, least_measured_s=40.0, requests_per_flow=1)
    return spec(system, sampled(system, effort=effort), seed=seed, number=number)


def assert_same(one: SliceResult, other: SliceResult) -> None:
    assert one.response_times_s.keys() == other.response_times_s.keys()
    for name, times_s in one.response_times_s.items():
        assert np.array_equal(times_s, other.response_times_s[name])
    assert one.utilisation == other.utilisation
    assert (one.requests, one.visits, one.failed) == (other.requests, other.visits, other.failed)


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert_same(play(sampled_spec(seed=4)), play(sampled_spec(seed=4)))


@pytest.mark.parametrize("other", [sampled_spec(seed=5), sampled_spec(seed=4, number=1)])
def test_another_seed_or_replication_gives_others(other: SliceSpec) -> None:
    ours, theirs = play(sampled_spec(seed=4)), play(other)

    assert not np.array_equal(ours.response_times_s["read"], theirs.response_times_s["read"])


def test_seeds_differ_by_chance_alone() -> None:
    def means_s(seed: int) -> list[float]:
        specs = [sampled_spec(seed=seed, number=number) for number in range(8)]
        return [float(play(each).response_times_s["read"].mean()) for each in specs]

    differences_s = [one - other for one, other in zip(means_s(1), means_s(2), strict=True)]

    assert mean_interval(differences_s, confidence=0.9995).covers(0)


@pytest.mark.slow
def test_a_slice_is_the_same_in_any_process() -> None:
    specs = [sampled_spec(seed=6, number=number) for number in range(3)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        elsewhere = list(processes.map(play, specs))

    for here, there in zip(map(play, specs), elsewhere, strict=True):
        assert_same(here, there)


def written(db_s: float) -> System:
    """Return reads and, at boxes of their own, writes whose db takes `db_s`."""
    write = flow(
        step("writer", 0.2), step("posts_db", db_s, after=(0,)), name="write", rate_per_s=10
    )
    return System([reading(), write], {"cache": Fleet(4), "db": Fleet(8), "feeds": Fleet(8),
                                       "writer": Fleet(4), "posts_db": Fleet(400)})  # fmt: skip


def test_a_change_in_one_box_leaves_a_flow_that_does_not_visit_it_alone() -> None:
    fast, slow = written(0.1), written(0.9)

    was = play(spec(fast, whole(fast, measured_s=50, warmup_s=5)))
    now = play(spec(slow, whole(slow, measured_s=50, warmup_s=5)))

    assert np.array_equal(was.response_times_s["read"], now.response_times_s["read"])
    assert not np.array_equal(was.response_times_s["write"], now.response_times_s["write"])


def test_a_flow_that_is_added_leaves_the_arrivals_and_draws_of_others_alone() -> None:
    both = written(0.1)
    alone = replace(both, flows=[both.flows[0]])

    was = play(spec(alone, whole(alone, measured_s=50, warmup_s=5)))
    now = play(spec(both, whole(both, measured_s=50, warmup_s=5)))

    assert np.array_equal(was.response_times_s["read"], now.response_times_s["read"])


def test_a_slower_box_adds_its_time_to_the_same_draws() -> None:
    # Nobody waits, so that each request's time is the sum of its draws: the db's stay the same.
    def system(gateway_s: float) -> System:
        steps = (step("gateway", gateway_s, scv=0), step("db", 1.0, after=(0,)))
        return System([flow(*steps, rate_per_s=5)], {"gateway": Fleet(500), "db": Fleet(500)})

    fast, slow = system(1.0), system(3.0)

    was = play(spec(fast, whole(fast, measured_s=50, warmup_s=0)))
    now = play(spec(slow, whole(slow, measured_s=50, warmup_s=0)))

    assert now.response_times_s["read"] == pytest.approx(was.response_times_s["read"] + 2.0)


def test_a_celebritys_post_takes_no_draws_from_others() -> None:
    post = flow(
        step("writer", 0.1), step("queue", 0.1, after=(0,)), name="post",
        visible_after=1, spreads_posts=True, rate_per_s=0.5,
    )  # fmt: skip
    fleets = {"cache": Fleet(4), "db": Fleet(8), "feeds": Fleet(8), "writer": Fleet(50),
              "queue": Fleet(50)}  # fmt: skip
    system = System([reading(), post], fleets)
    without = spec(system, whole(system, measured_s=50, warmup_s=5))

    was = play(without)
    now = play(replace(without, celebrity=CelebrityPost("post", 1_000)))

    assert np.array_equal(was.response_times_s["read"], now.response_times_s["read"])
    assert np.array_equal(was.response_times_s["post"], now.response_times_s["post"])
    assert now.celebrity_freshness_s is not None

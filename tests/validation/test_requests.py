"""What a request does on its way: forks, caches, timeouts, held workers, balancers, freshness."""

from dataclasses import replace

import numpy as np
import pytest

from scenarios.followers import fitted_followers
from sim.engine.replication import CelebrityPost, play
from sim.estimates.items import FixedItems, PushedFollowers
from sim.estimates.workload import CacheOutcome
from sim.theory.intervals import Interval, mean_interval, share_interval
from sim.theory.mg1 import mg1_waiting_time_s
from tests.validation.stations import Fleet, System, Takes, flow, played, spec, step, whole

CONFIDENCE = 0.9995
"""Of every interval here: a correct engine with other seeds fails once in 2,000 tests."""

IDLE = Fleet(workers=1_000)
"""So many workers that nobody waits."""


def mean_response_s(system: System, *, replications: int = 8, measured_s: float) -> list[float]:
    """Mean response time of the flow `read` in each replication."""
    return [
        float(played(system, measured_s=measured_s, warmup_s=measured_s / 10, seed=seed)
              .response_times_s["read"].mean())
        for seed in range(replications)
    ]  # fmt: skip


def test_a_request_waits_for_the_slowest_of_its_parallel_steps() -> None:
    forked = flow(
        step("gateway", 1.0, scv=0),
        step("db", 5.0, scv=0, after=(0,)),
        step("cache", 2.0, scv=0, after=(0,)),
        step("reader", 0.5, scv=0, after=(1, 2)),
    )

    result = played(System([forked], dict.fromkeys(["gateway", "db", "cache"], IDLE)), measured_s=9)

    assert result.response_times_s["read"][0] == pytest.approx(1 + 5 + 0.5)


def test_the_join_of_two_exponential_steps_takes_one_and_a_half_of_them() -> None:
    forked = flow(step("db"), step("cache"), rate_per_s=50)
    system = System([forked], {"db": IDLE, "cache": IDLE})

    responses_s = played(system, measured_s=400).response_times_s["read"]

    interval = mean_interval(responses_s.tolist(), confidence=CONFIDENCE)
    assert interval.covers(1.5)
    assert interval.half_width < 0.05


def test_every_visit_costs_a_hop() -> None:
    system = System([flow(step("a", scv=0), step("b", scv=0, after=(0,)))], {"a": IDLE, "b": IDLE})

    result = played(replace(system, hop_s=0.25), measured_s=20)

    assert result.response_times_s["read"] == pytest.approx(2 * (1 + 0.25))


def cached(*, hit_ratio: float) -> System:
    """Return a cache of 1 s, its db of 10 s on a miss, and an edge of 3 s on a hit."""
    miss = Takes(outcome=CacheOutcome(position=0, hit=False), share=1 - hit_ratio)
    hit = Takes(outcome=CacheOutcome(position=0, hit=True), share=hit_ratio)
    steps = (
        step("cache", 1.0, scv=0, takes=Takes(hit_ratio=hit_ratio)),
        step("db", 10.0, scv=0, after=(0,), takes=miss),
        step("edge", 3.0, scv=0, after=(0,), takes=hit),
    )
    return System([flow(*steps, rate_per_s=20)], dict.fromkeys(["cache", "db", "edge"], IDLE))


def test_a_cache_sends_its_misses_one_way_and_its_hits_the_other() -> None:
    responses_s = played(cached(hit_ratio=0.9), measured_s=1_000).response_times_s["read"]

    hits = np.isclose(responses_s, 4)
    misses = np.isclose(responses_s, 11)
    assert np.all(hits | misses)
    share = share_interval(
        successes=int(misses.sum()), trials=len(responses_s), confidence=CONFIDENCE
    )
    assert share.covers(0.1)
    assert not share.covers(0.12)


@pytest.mark.parametrize(("hit_ratio", "response_s"), [(1.0, 4.0), (0.0, 11.0)])
def test_a_cache_may_answer_all_or_nothing(hit_ratio: float, response_s: float) -> None:
    responses_s = played(cached(hit_ratio=hit_ratio), measured_s=20).response_times_s["read"]

    assert responses_s == pytest.approx(response_s)


def test_a_step_behind_a_cache_that_was_passed_by_is_passed_by_too() -> None:
    steps = (
        step("cache", 1.0, scv=0, takes=Takes(probability=0.0, hit_ratio=0.5)),
        step("db", 9.0, scv=0, after=(0,), takes=Takes(outcome=CacheOutcome(0, hit=False))),
        step("reader", 2.0, scv=0, after=(1,)),
    )

    result = played(System([flow(*steps)], {"reader": IDLE}), measured_s=20)

    assert result.response_times_s["read"] == pytest.approx(2)


def test_a_worker_held_for_the_next_step_serves_the_sum_of_both() -> None:
    # Two exponential services of 0.5 s in a row are one of 1 s with a scv of 1/2.
    steps = (step("reader", 0.5), step("db", 0.5, after=(0,), takes=Takes(holds=0)))
    system = System([flow(*steps, rate_per_s=0.6)], {"db": IDLE})

    means_s = mean_response_s(system, measured_s=15_000)

    interval = mean_interval(means_s, confidence=CONFIDENCE)
    waiting_s = mg1_waiting_time_s(arrival_rate_per_s=0.6, mean_service_time_s=1.0, service_scv=0.5)
    assert interval.covers(waiting_s + 1.0)
    assert interval.low > mg1_waiting_time_s(
        arrival_rate_per_s=0.6, mean_service_time_s=0.5, service_scv=1.0
    ) + 1.0  # fmt: skip


def test_a_held_worker_counts_as_busy() -> None:
    steps = (step("reader", 1.0, scv=0), step("db", 3.0, scv=0, after=(0,), takes=Takes(holds=0)))
    system = System([flow(*steps, rate_per_s=50)], {"reader": IDLE, "db": IDLE})

    result = played(system, measured_s=100, warmup_s=20)

    # 50 a second for 1 + 3 seconds are 200 of 1,000 workers; the count of arrivals is Poisson.
    assert result.utilisation["reader"] == pytest.approx(0.2, rel=4 / 5_000**0.5)


def test_a_step_longer_than_its_timeout_fails_after_all_its_tries() -> None:
    slow = step("db", 2.0, scv=0, takes=Takes(timeout_s=0.5, retries=2))

    result = played(System([flow(slow)], {"db": IDLE}), measured_s=100)

    assert len(result.response_times_s["read"]) == 0
    assert 3 * result.failed["read"] <= result.visits <= 3 * result.requests
    assert result.failed["read"] > 50


def test_a_step_shorter_than_its_timeout_is_tried_once() -> None:
    fast = step("db", 0.4, scv=0, takes=Takes(timeout_s=0.5, retries=2))

    result = played(System([flow(fast)], {"db": IDLE}), measured_s=100)

    assert result.failed == {"read": 0}
    assert result.response_times_s["read"] == pytest.approx(0.4)
    assert result.visits <= result.requests


def test_a_retry_that_succeeds_answers_late() -> None:
    exponential = step("db", 1.0, takes=Takes(timeout_s=1.0, retries=1))

    result = played(System([flow(exponential, rate_per_s=20)], {"db": IDLE}), measured_s=500)

    tries = len(result.response_times_s["read"]) + result.failed["read"]
    late = int((result.response_times_s["read"] > 1.0).sum())
    twice_slow, once_slow = np.exp(-2), np.exp(-1) - np.exp(-2)
    failed = share_interval(successes=result.failed["read"], trials=tries, confidence=CONFIDENCE)
    assert failed.covers(twice_slow)
    assert share_interval(successes=late, trials=tries, confidence=CONFIDENCE).covers(once_slow)


def test_a_request_that_gives_up_in_one_branch_fails_once() -> None:
    branches = (
        step("a", 2.0, scv=0, takes=Takes(timeout_s=0.5)),
        step("b", 2.0, scv=0, takes=Takes(timeout_s=0.7)),
        step("c", 1.0, scv=0),
    )

    result = played(System([flow(*branches)], dict.fromkeys("abc", IDLE)), measured_s=50)

    assert result.failed["read"] == result.visits // 3 > 0
    assert len(result.response_times_s["read"]) == 0


def test_a_worker_that_nobody_waits_for_any_more_comes_back() -> None:
    # One worker, a visit every ten seconds or so, given up after half a second: each is served.
    steps = (
        step("reader", 2.0, scv=0, takes=Takes(timeout_s=0.5)),
        step("db", 0.1, scv=0, after=(0,), takes=Takes(holds=0)),
    )

    result = played(System([flow(*steps, rate_per_s=0.1)]), measured_s=1_000)

    assert result.visits >= result.failed["read"] > 50


def test_a_worker_held_by_a_request_that_failed_elsewhere_comes_back() -> None:
    steps = (
        step("gateway", 0.0, scv=0),
        step("reader", 1.0, scv=0, after=(0,)),
        step("db", 2.0, scv=0, after=(0,), takes=Takes(timeout_s=0.5)),
        step("cache", 1.0, scv=0, after=(1,), takes=Takes(holds=1)),
    )
    system = System([flow(*steps, rate_per_s=0.1)], {"db": IDLE})

    result = played(system, measured_s=1_000)

    # gateway, reader and db; the cache is never reached.
    assert result.visits >= 3 * result.failed["read"] > 150


@pytest.mark.parametrize(("keyed", "at_once"), [(True, 0.0), (False, 0.5)])
def test_visits_with_a_key_stay_at_their_instance(*, keyed: bool, at_once: float) -> None:
    # Two visits at once to a fleet of two, each with one worker: with the key one waits for the
    # other, without it half of the requests find both instances.
    takes = Takes(keyed=keyed)
    steps = (step("db", scv=0, takes=takes), step("db", scv=0, name="again", takes=takes))
    fleets = {"db": Fleet(workers=1, instances=2)}

    result = played(System([flow(*steps, rate_per_s=0.01)], fleets), measured_s=100_000)

    # A request in fifty finds another one before it; those that wait for none take 1 or 2 s.
    alone_s = [time_s for time_s in result.response_times_s["read"] if time_s in {1.0, 2.0}]
    fast = share_interval(successes=alone_s.count(1.0), trials=len(alone_s), confidence=CONFIDENCE)
    assert len(alone_s) > 900
    assert fast.covers(at_once)


def test_a_key_does_not_use_up_turns_of_round_robin() -> None:
    # A short and a long visit to the same instance: turns that count twice would send all
    # requests to one of two instances, and overload it.
    takes = Takes(keyed=True)
    steps = (
        step("db", 0.01, scv=0, takes=takes),
        step("db", 10.0, scv=0, name="again", after=(0,), takes=takes),
    )

    def mean_s(balancer: str) -> float:
        fleet = Fleet(workers=1, instances=2, balancer=balancer)
        system = System([flow(*steps, rate_per_s=0.08)], {"db": fleet})
        return float(np.mean(mean_response_s(system, measured_s=20_000, replications=4)))

    assert mean_s("round_robin") < 0.9 * mean_s("random")


def test_balancers_that_know_more_wait_less() -> None:
    def p99_s(balancer: str) -> Interval:
        fleets = {"db": Fleet(workers=1, instances=8, balancer=balancer)}
        system = System([flow(step("db"), rate_per_s=8 * 0.7)], fleets)
        results = [
            played(system, measured_s=1_000, warmup_s=60, seed=seed).response_times_s["read"]
            for seed in range(6)
        ]
        return mean_interval([float(np.quantile(each, 0.99)) for each in results], confidence=0.99)

    random_s, turns_s, least_s = map(p99_s, ("random", "round_robin", "least_connections"))

    assert least_s.high < turns_s.low
    assert turns_s.high < random_s.low


def test_what_is_not_awaited_does_not_count_in_the_response_time() -> None:
    steps = (
        step("writer", 1.0, scv=0),
        step("queue", 5.0, scv=0, after=(0,), takes=Takes(awaited=False)),
        step("generator", 50.0, scv=0, after=(1,), takes=Takes(awaited=False)),
    )
    system = System([flow(*steps)], dict.fromkeys(["writer", "queue", "generator"], IDLE))

    result = played(system, measured_s=50)

    assert result.response_times_s["read"] == pytest.approx(1)


def test_a_flow_that_nobody_waits_for_is_done_when_all_of_it_is() -> None:
    takes = Takes(awaited=False)
    steps = (
        step("queue", 1.0, scv=0, takes=takes),
        step("db", 2.0, scv=0, after=(0,), takes=takes),
    )

    result = played(System([flow(*steps)], {"queue": IDLE, "db": IDLE}), measured_s=50)

    assert result.response_times_s["read"] == pytest.approx(3)


def test_what_fails_after_the_answer_does_not_unanswer_it() -> None:
    late = Takes(awaited=False, timeout_s=0.5)
    steps = (step("writer", 1.0, scv=0), step("queue", 2.0, scv=0, after=(0,), takes=late))

    result = played(System([flow(*steps)], {"writer": IDLE, "queue": IDLE}), measured_s=50)

    assert result.failed == {"read": 0}
    assert result.response_times_s["read"] == pytest.approx(1)


def posted(*, followers: float, visible_after: int | None = 2) -> System:
    """Return a post of 1 s, seen by followers after a queue of 2 s and chunks of 3 s."""
    later = Takes(awaited=False)
    fan_out = Takes(awaited=False, items=FixedItems(followers), chunk=10)
    steps = (
        step("writer", 1.0, scv=0),
        step("queue", 2.0, scv=0, after=(0,), takes=later),
        step("feeds", 3.0, scv=0, after=(1,), takes=fan_out),
    )
    spreading = flow(*steps, visible_after=visible_after, spreads_posts=True)
    return System([spreading], dict.fromkeys(["writer", "queue", "feeds"], IDLE))


def test_freshness_is_measured_from_the_confirmation() -> None:
    result = played(posted(followers=25), measured_s=50)

    assert result.response_times_s["read"] == pytest.approx(1)
    assert result.freshness_s["read"] == pytest.approx(2 + 3)


def test_a_fan_out_visits_once_for_each_chunk() -> None:
    result = played(posted(followers=25), measured_s=50)

    assert result.visits == pytest.approx((1 + 1 + 3) * result.requests, abs=3 * 8)


def test_a_post_without_followers_has_reached_them_all() -> None:
    result = played(posted(followers=0), measured_s=50)

    assert result.freshness_s["read"] == pytest.approx(2)


def test_a_post_that_is_not_pushed_is_fresh_at_once() -> None:
    result = played(posted(followers=25, visible_after=None), measured_s=50)

    assert np.all(result.freshness_s["read"] == 0)


def test_a_post_seen_before_its_confirmation_is_not_fresher_than_fresh() -> None:
    result = played(posted(followers=25, visible_after=0), measured_s=50)

    assert np.all(result.freshness_s["read"] == 0)


def visits_begun(items: float) -> tuple[int, int]:
    """Return visits and requests of a flow with that many visits a request, within the slice."""
    visited = step("cdn", 1.0, scv=0, takes=Takes(items=FixedItems(items)))
    measured_s = 500.0

    result = played(System([flow(visited, rate_per_s=20)], {"cdn": IDLE}), measured_s=measured_s)

    busy_s = result.utilisation["cdn"] * measured_s * IDLE.workers
    assert set(result.response_times_s["read"].round(6)) <= {0.0, 1.0}
    return round(busy_s), len(result.response_times_s["read"])


@pytest.mark.parametrize(("items", "at_least", "more"), [(2.25, 2, 0.25), (0.25, 0, 0.25)])
def test_a_fraction_of_a_visit_is_a_visit_now_and_then(
    items: float, at_least: int, more: float
) -> None:
    visits, requests = visits_begun(items)

    share = share_interval(
        successes=visits - at_least * requests, trials=requests, confidence=CONFIDENCE
    )
    assert share.covers(more)
    assert not share.covers(more + 0.03)


def celebrity_freshness_s(*, followers: int, up_to: float) -> float | None:
    """Freshness of a celebrity's post where authors with more than `up_to` are not pushed."""
    law = PushedFollowers(
        fitted_followers(mean=20, tail_exponent=2.5, most=1_000), up_to=up_to, pushed_share=0.5
    )
    steps = (
        step("writer", 1.0, scv=0),
        step("renditions", 1.0, scv=0, after=(0,), takes=Takes(items=FixedItems(3.0))),
        step(
            "feeds",
            0.0,
            scv=0,
            after=(1,),
            takes=Takes(items=law, chunk=100, time_per_item_s=0.001, awaited=False),
        ),
    )
    posting = flow(*steps, rate_per_s=0.01, visible_after=2, spreads_posts=True)
    fleets = {"writer": IDLE, "renditions": Fleet(workers=3)}
    system = System([posting], fleets)
    slice_spec = spec(system, whole(system, measured_s=1.0, warmup_s=1.0), seed=2)
    return play(
        replace(slice_spec, celebrity=CelebrityPost("read", followers))
    ).celebrity_freshness_s


def test_a_celebritys_post_is_fresh_when_one_worker_has_written_all_feeds() -> None:
    freshness_s = celebrity_freshness_s(followers=100_000, up_to=1e9)

    assert freshness_s == pytest.approx(100_000 * 0.5 * 0.001)


def test_a_celebritys_post_that_the_hybrid_design_does_not_push_is_fresh_at_once() -> None:
    assert celebrity_freshness_s(followers=100_000, up_to=999) == 0

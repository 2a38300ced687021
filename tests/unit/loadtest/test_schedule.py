"""The schedule of a load test."""

import numpy as np
import pytest

from scenarios.loader import load
from sim.arrivals import arrival_times_s
from sim.engine.draws import generator
from sim.loadtest.canaries import READS_EACH, with_canaries
from sim.loadtest.errors import ImpossibleLoadError
from sim.loadtest.schedule import NOBODY, Shape, day_shape, drawn_schedule, is_undone, zipf_ranks
from sim.loadtest.traffic import FLOWS, Traffic, scenario_traffic
from tests.unit.loadtest.worlds import ring

READ = FLOWS.index("read_feed")


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return scenario_traffic(load())


def test_the_scenario_asks_for_what_its_estimates_say(traffic: Traffic) -> None:
    # 500 M users: 25 pages in five days' worth of 100 posts, 3 likes, 3 comments, 0.1 posts.
    per_user = {name: rate * 86_400 / 500e6 for name, rate in traffic.rates_per_s.items()}

    assert per_user == pytest.approx(
        {
            "read_feed": 5,
            "text_post": 0.02,
            "media_post": 0.08,
            "like": 3,
            "comment": 3,
            "follow": 0.2,
            "unfollow": 0.04,
        }
    )
    assert traffic.left_out == ()
    # 14 visits of 142 s, over 11.34 requests a day.
    assert traffic.think_s == pytest.approx(14 * 142 / 11.34)


def test_arrivals_are_those_that_the_simulator_is_fed(traffic: Traffic) -> None:
    schedule = drawn_schedule(traffic.at(500), ring(50), duration_s=4, seed=3)

    rate = traffic.at(500).rates_per_s["like"]
    simulated = arrival_times_s(
        generator(3, 0, "flow.like.arrivals"), edges_s=(0, 4), rates_per_s=(rate,)
    )
    assert schedule.times_s[schedule.flows == FLOWS.index("like")].tolist() == simulated.tolist()
    assert np.all(np.diff(schedule.times_s) >= 0)


def test_the_same_seed_gives_the_same_schedule_and_another_seed_another(traffic: Traffic) -> None:
    one, same, other = (
        drawn_schedule(traffic.at(300), ring(50), duration_s=2, seed=seed) for seed in (1, 1, 2)
    )

    assert one.times_s.tolist() == same.times_s.tolist()
    assert one.actors.tolist() == same.actors.tolist()
    assert one.subjects.tolist() == same.subjects.tolist()
    assert one.times_s.tolist() != other.times_s.tolist()


def test_the_mix_is_the_scenario_s(traffic: Traffic) -> None:
    schedule = drawn_schedule(traffic.at(5_000), ring(50), duration_s=20, seed=1)

    share = (schedule.flows == READ).mean()
    # 5 of 11.34; three standard errors of 100,000 draws.
    assert share == pytest.approx(5 / 11.34, abs=3 * (0.25 / 100_000) ** 0.5)


def test_a_day_is_pressed_into_the_duration(traffic: Traffic) -> None:
    shape = day_shape(traffic)
    schedule = drawn_schedule(traffic.at(2_000), ring(50), duration_s=24, seed=1, shape=shape)

    per_hour, _ = np.histogram(schedule.times_s, bins=24, range=(0, 24))
    expected = 2_000 * np.asarray(traffic.hourly)
    assert np.all(np.abs(per_hour - expected) < 5 * expected**0.5)


@pytest.mark.parametrize("warmup_s", [0.0, 0.5, 3.0, 7.0])
def test_a_warm_up_is_flat_and_moves_the_shape_by_its_length(
    traffic: Traffic, warmup_s: float
) -> None:
    schedule = drawn_schedule(
        traffic.at(1_000),
        ring(50),
        duration_s=10,
        seed=1,
        shape=Shape((0.5, 1.5)),
        warmup_s=warmup_s,
    )

    edges_s = [0.0, warmup_s, warmup_s + 5, warmup_s + 10]
    counted, _ = np.histogram(schedule.times_s, bins=edges_s)
    expected = np.asarray([500 * warmup_s, 2_500, 7_500])
    assert np.all(np.abs(counted - expected) <= 5 * expected**0.5)


def test_some_of_the_pages_of_a_visit_go_on_where_its_reader_was() -> None:
    deep = scenario_traffic(load(overrides=["activity.sessions=2", "activity.session_length=2s"]))
    schedule = drawn_schedule(deep.at(500), ring(200), duration_s=20, seed=1)

    reads = schedule.part(schedule.flows == READ)
    # Five pages over two visits.
    assert deep.pages_a_visit == pytest.approx(2.5)
    assert reads.continues.mean() == pytest.approx(0.6, abs=0.1)
    for position in np.flatnonzero(reads.continues)[:50]:
        assert reads.actors[position] in reads.actors[:position]


@pytest.mark.parametrize(("rate", "duration_s"), [(1e6, 60), (1, 1e9)])
def test_more_than_a_schedule_holds_is_refused(
    traffic: Traffic, rate: float, duration_s: float
) -> None:
    with pytest.raises(ImpossibleLoadError, match="expected at most 20,000,000"):
        drawn_schedule(traffic.at(rate), ring(), duration_s=duration_s, seed=1)


def test_popular_ranks_are_drawn_in_proportion_to_zipf() -> None:
    ranks = zipf_ranks(np.random.default_rng(1), items=3, alpha=1.0, draws=60_000)

    # 1 : 1/2 : 1/3
    assert np.bincount(ranks) / 60_000 == pytest.approx([6 / 11, 3 / 11, 2 / 11], abs=0.01)


def test_watchers_follow_the_author_and_are_never_made_to_unfollow(traffic: Traffic) -> None:
    world = ring(40)
    drawn = drawn_schedule(traffic.at(1_000), world, duration_s=20, seed=1)
    schedule, canaries = with_canaries(drawn, world, seed=1)

    posts = schedule.part(np.isin(schedule.flows, (1, 2)) & (schedule.subjects != NOBODY))
    assert len(canaries) == len(posts) > 50
    for author, row in zip(posts.actors.tolist(), canaries.watchers[posts.subjects], strict=True):
        watchers = row[row != NOBODY]
        assert set(watchers.tolist()) <= set(world.followers_of(author).tolist())
        assert not is_undone(watchers, author).any()


def test_watching_takes_the_place_of_as_many_reads(traffic: Traffic) -> None:
    world = ring(40)
    drawn = drawn_schedule(traffic.at(1_000), world, duration_s=20, seed=1)
    schedule, canaries = with_canaries(drawn, world, seed=1)

    assert len(drawn) - len(schedule) == READS_EACH * len(canaries)

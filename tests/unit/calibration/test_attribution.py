"""CPU time attributed to boxes, on figures that are worked out by hand."""

from dataclasses import replace
from itertools import pairwise

import pytest

from scenarios.loader import load
from sim.calibration.attribution import (
    box_services,
    flow_visits,
    histogram,
    overheads,
    sampled_visits,
    visits,
)
from sim.calibration.batches import Batches, batch_cost, commit_service, consumer_services
from sim.calibration.clips import clips_of
from sim.calibration.errors import NoClipsError, TooFewSamplesError
from sim.calibration.renditions import renditions_service
from sim.calibration.run import paths_of
from sim.calibration.sampler import Sample
from sim.calibration.telling import BUSY_S, CALLS, CPU_S, BoxTime, Metrics, metrics, server_timing
from sim.calibration.waits import Median, Played, Work, duration_scvs, latencies, work
from tests.unit.calibration.records import PATHS, observation

TRIP_S = (0.010 - 0.002) / 20
"""Of fifteen reads and five commits."""
TURN_S = 0.004 / (10 + 20)
HTTP_S = 0.004 / 10
MEDIA_POST = Sample(
    "media_post",
    0.02,
    (
        BoxTime("posts_db", 0.003, 0.0),
        BoxTime("posts_db", 0.001, 0.0),
        BoxTime("posts_db", 0.004, 0.0),
        BoxTime("object_storage", 0.01, 0.001),
        BoxTime("posts_db", 0.005, 0.0),
        BoxTime("api_gateway", 0.002, 0.0005),
    ),
    ("api_gateway", "object_storage", "api_gateway"),
)
"""Three requests, which write to the store three times, and read from it once."""


def test_a_header_tells_durations_and_cpu_of_boxes() -> None:
    found = server_timing("posts_db;dur=1.5;cpu=0.25, api_gateway;dur=3, cache;desc=hit")

    assert found == (BoxTime("posts_db", 0.0015, 0.00025), BoxTime("api_gateway", 0.003, None))


def test_metrics_are_read_by_box_and_subtracted() -> None:
    before = metrics('calls_total{box="posts_db"} 3\n')
    after = metrics('# HELP x\ncalls_total{box="posts_db"} 10\nb{box="a",le="1"} 2\n')

    assert after.since(before).values == {("calls_total", "posts_db"): 7.0}


def test_what_is_not_metered_is_shared_out_by_counts() -> None:
    found = overheads(observation(), PATHS)

    assert found.trip_s == pytest.approx(TRIP_S)
    assert found.turn_s == pytest.approx(TURN_S)
    assert found.http_s == pytest.approx(HTTP_S)


def test_a_box_takes_its_cpu_its_trips_and_the_gateway_what_is_nobodys() -> None:
    found = box_services(sampled_visits([observation()], PATHS))

    assert found["feed_reader"].mean_s == pytest.approx(0.0005)
    assert found["posts_db"].mean_s == pytest.approx(0.0001 + TURN_S + TRIP_S)
    assert found["posts_db"].threads_s == pytest.approx(TRIP_S)
    assert found["api_gateway"].mean_s == pytest.approx(0.0004 + HTTP_S + TURN_S)
    assert found["posts_db"].flows["read_feed"].samples == 5
    assert found["posts_db"].scv == pytest.approx(0, abs=1e-12)


def test_a_call_that_waits_for_a_commit_makes_no_trip_of_its_own() -> None:
    seen = observation()
    like = Sample(
        "like",
        0.01,
        (
            BoxTime("posts_db", 0.001, 0.0002),
            BoxTime("posts_db", 0.004, 0.0003),
            BoxTime("api_gateway", 0.01, 0.001),
        ),
    )
    both = replace(seen, samples=(*seen.samples, *([like] * 5)))

    found = box_services(sampled_visits([both], PATHS))["posts_db"].flows["like"]

    assert found.mean_s == pytest.approx(0.0005 + TURN_S + TRIP_S)


def test_a_box_below_the_resolution_of_the_header_is_left_out() -> None:
    seen = observation()
    idle = [
        replace(sample, boxes=(*sample.boxes, BoxTime("likes_cache", 0.0, 0.0)))
        for sample in seen.samples
    ]

    found = box_services(sampled_visits([replace(seen, samples=idle)], PATHS))

    assert "likes_cache" not in found
    assert found["feed_reader"].mean_s == pytest.approx(0.0005)


def test_boxes_that_a_flow_does_not_visit_are_told() -> None:
    sampled = sampled_visits([observation()], PATHS)

    assert flow_visits(sampled, ["posts_db", "users_db"])["read_feed"].visited == {
        "posts_db": 1.0,
        "users_db": 0.0,
    }


def test_a_mean_over_flows_is_weighted_by_requests_not_by_samples() -> None:
    seen = observation()
    slow = Sample("comment", 0.01, (BoxTime("api_gateway", 0.01, 0.0084),))
    both = replace(
        seen,
        samples=(*seen.samples, *([slow] * 5)),
        requests={"read_feed": 90.0, "comment": 10.0},
    )

    found = box_services(sampled_visits([both], PATHS))["api_gateway"]

    assert found.mean_s == pytest.approx(0.9 * 0.0004 + 0.1 * 0.0084 + HTTP_S + TURN_S)


def test_a_flow_that_was_hardly_seen_is_named() -> None:
    seen = replace(observation(), requests={"read_feed": 5.0, "unfollow": 2.0})

    with pytest.raises(TooFewSamplesError, match="requests of unfollow: found 0 samples"):
        sampled_visits([seen], PATHS)


def test_a_slow_machine_is_told_as_if_it_had_the_usual_speed() -> None:
    slow = observation()
    usual = slow.at_speed(0.5)

    assert usual.cpu_s_per_request == pytest.approx(slow.cpu_s_per_request / 2)
    assert usual.metrics.of(CPU_S, "feed_reader") == slow.metrics.of(CPU_S, "feed_reader") / 2
    assert usual.metrics.of(CALLS, "posts_db") == slow.metrics.of(CALLS, "posts_db")
    assert usual.samples[0].boxes[1].cpu_s == pytest.approx(0.00025)


def test_the_cost_of_a_batch_and_of_a_visit_are_told_apart_over_loads() -> None:
    loads = [Batches(n, v, 0.002 * n + 0.0001 * v) for n, v in ((10, 20), (30, 200), (40, 900))]

    found = batch_cost(loads)

    assert found.batch_s == pytest.approx(0.002)
    assert found.visit_s == pytest.approx(0.0001)


def test_batches_of_one_size_cost_what_they_cost() -> None:
    found = batch_cost([Batches(10, 20, 0.05), Batches(20, 40, 0.1)])

    assert found.of(Batches(30, 60, 0.0)) == pytest.approx(0.15)


def test_no_part_of_a_batch_costs_less_than_nothing() -> None:
    found = batch_cost([Batches(10, 10, 0.02), Batches(10, 100, 0.019)])

    assert found.visit_s == 0
    assert found.batch_s == pytest.approx(0.00195, rel=0.01)


def test_a_commit_is_the_threads_work_its_trip_and_then_the_disk() -> None:
    found = commit_service([observation()], "disk", low=observation(), paths=PATHS)

    assert found is not None
    # Five commits of two jobs each, in 2 ms of a thread; 12 ms from their starts to their ends.
    assert found.mean_s + 2 * found.per_visit_s == pytest.approx(0.0004 + TRIP_S + TURN_S)
    assert found.wait_s == pytest.approx((0.012 - 0.002) / 5)


def test_the_disk_takes_what_it_took_where_least_came_on_top() -> None:
    seen = observation()
    held_up = replace(seen, metrics=Metrics({**seen.metrics.values, (BUSY_S, "disk"): 0.04}))

    for low, larger in ((held_up, seen), (seen, held_up)):
        found = commit_service([larger], "disk", low=low, paths=PATHS)

        assert found is not None
        assert found.wait_s == pytest.approx((0.012 - 0.002) / 5)


def test_work_in_the_background_is_its_consumers_by_the_batch() -> None:
    found = consumer_services(
        [observation()],
        low=observation(),
        consumers=("notification_service", "feed_generator"),
        paths=PATHS,
    )

    # 15 reads, of which the ten requests made one each; of the 2 ms that the loop worked for the
    # store, 10 x 0.1 ms were theirs. Five batches, of twelve events.
    background_s = 5 * (TRIP_S + TURN_S) + (0.002 - 0.001)
    assert found.keys() == {"notification_service"}
    service = found["notification_service"]
    assert 5 * service.mean_s + 12 * service.per_visit_s == pytest.approx(
        0.001 + background_s, rel=0.01
    )
    # Each of the batches took 10 ms; 12 ms were five commits.
    assert service.wait_s == pytest.approx((0.05 - 0.001 - background_s) / 5 - 0.012 / 5)


def test_renditions_take_the_cpu_of_the_processes_that_make_them() -> None:
    seen = observation()
    told = Metrics({**seen.metrics.values, (CALLS, "media_processor"): 8})
    rendering = replace(seen, metrics=told, cpu=replace(seen.cpu, children_s=1.2))

    found = renditions_service([rendering, rendering.at_speed(2)])

    assert found["media_processor"].mean_s == pytest.approx((0.15 + 0.3) / 2)
    assert found["media_processor"].interval_s == pytest.approx((0.15, 0.3))
    assert found["media_processor"].samples == 16
    assert rendering.cpu_s_per_request == seen.cpu_s_per_request
    assert not renditions_service([seen])


def test_clips_of_two_lengths_tell_the_start_from_the_seconds() -> None:
    found = clips_of((1.0, 5.0, 1.0, 5.0), (1.4, 3.9, 1.6, 3.9))

    # Errors are relative: 1.4 and 1.6 count as much as 3.9 and 3.9.
    assert found.start_s + found.per_second_s == pytest.approx(1.5, rel=0.01)
    assert found.start_s + 5 * found.per_second_s == pytest.approx(3.9, rel=0.01)
    assert (found.lengths_s[1], found.used_s[1]) == (5.0, 3.9)


def test_clips_that_all_take_the_same_tell_nothing_of_a_second() -> None:
    with pytest.raises(NoClipsError, match="all alike"):
        clips_of((1.0, 5.0), (2.0, 2.0))


def test_http_outside_handlers_is_the_box_s_that_took_the_request() -> None:
    over = overheads(observation(), PATHS)

    found = visits(MEDIA_POST, over, PATHS)

    outside_s = over.http_s + over.turn_s
    trip_s = over.turn_s + over.trip_s
    assert found["object_storage"].service_s == pytest.approx(0.001 + outside_s + trip_s)
    assert found["api_gateway"].loop_s == pytest.approx(0.0005 + 2 * outside_s)


def test_what_a_media_post_writes_is_in_its_commits() -> None:
    assert PATHS.reads_of(MEDIA_POST)["posts_db"] == 1
    assert duration_scvs([MEDIA_POST] * 5, PATHS).keys() == {"posts_db", "disk"}


def test_trips_to_files_share_the_threads_with_those_to_stores() -> None:
    seen = observation()
    told = Metrics({**seen.metrics.values, (CALLS, "object_storage"): 20})

    over = overheads(replace(seen, metrics=told), PATHS)

    assert over.trip_s == pytest.approx(TRIP_S / 2)
    assert over.turn_s == pytest.approx(0.004 / (10 + 40))


def test_a_media_post_is_one_request_though_it_takes_several() -> None:
    seen = observation()
    # Five reads of the load, five of the sampler; two posts of each, with two gateway calls each;
    # what they fetch is a fifth of what is handled.
    fetch = Sample("media_fetch", 0.001, (BoxTime("cdn", 0.001, 0.0005),), ("cdn",))
    told = Metrics({**seen.metrics.values, (CALLS, "api_gateway"): 18, (CALLS, "cdn"): 4})
    both = replace(
        seen,
        metrics=told,
        samples=(*seen.samples, *[MEDIA_POST] * 2, *[fetch] * 4),
        requests={"read_feed": 5.0, "media_post": 2.0},
    )

    assert both.handled == 22
    assert both.asked == pytest.approx(14)
    assert seen.asked == pytest.approx(seen.handled)


def test_the_paths_of_one_machine_are_its_files_stores_and_commits() -> None:
    paths = paths_of(load("one_machine"))

    assert paths.files == {"object_storage"}
    assert paths.commits == {"disk"}
    assert paths.written["media_post"] == ["posts_db"] * 3
    assert paths.written["comment"] == ["comments_db"]
    assert not paths.written["read_feed"]


def test_bins_hold_what_does_not_pass_their_bound() -> None:
    found = histogram([0.001, 0.0011, 0.004])

    assert sum(each.visits for each in found) == 3
    assert all(later.up_to_s > each.up_to_s for each, later in pairwise(found))
    assert found[-1].up_to_s >= 0.004 > found[-2].up_to_s


def test_calls_of_stores_vary_as_their_durations_do() -> None:
    likes = [
        Sample(
            "like",
            0.004,
            (BoxTime("posts_db", read_s, 0.0), BoxTime("posts_db", 0.002, 0.0)),
        )
        for read_s in (0.001, 0.001, 0.001, 0.001, 0.006)
    ]

    found = duration_scvs(likes, PATHS)

    # Mean 2, variance 5 of the reads; the commits were all alike.
    assert found == {"posts_db": pytest.approx(1.25), "disk": pytest.approx(0)}


SLEEPS = ((0.05, 40, 30.0), (0.2, 90, 25.0), (0.5, 110, 8.0), (0.8, 30, 0.5))
"""Loads: busy with what visits take on average, wake-ups a second, and how cold they are in all."""


def busy(sleeps: tuple[float, int, float], taking: Work) -> float:
    """Return the busy part of a core under a load that takes so much work."""
    visits, wake_ups, coldness = sleeps
    return taking.warm_share * visits + taking.wake_up_s * wake_ups + taking.cold_s * coldness


@pytest.mark.parametrize(
    "played_with",
    [Work(), Work(0.9, 0.0001, 0.004), Work(0.5, 0.002, 0.0), Work(0.7, 0.0003, 0.002)],
)
def test_what_waking_up_takes_is_told_from_what_visits_take(played_with: Work) -> None:
    taken = Work(warm_share=0.7, wake_up_s=0.0003, cold_s=0.002)
    loads = [Played(busy(each, taken), busy(each, played_with), *each[1:]) for each in SLEEPS]

    found = work(loads, played_with=played_with)

    assert (found.warm_share, found.wake_up_s, found.cold_s) == pytest.approx((0.7, 0.0003, 0.002))


def test_no_part_of_the_work_is_less_than_nothing() -> None:
    odd = Work(warm_share=1.0, wake_up_s=-0.0004, cold_s=0.001)
    loads = [Played(busy(each, odd), busy(each, Work()), *each[1:]) for each in SLEEPS]

    found = work(loads, played_with=Work())

    assert found.wake_up_s == 0
    assert min(found.warm_share, found.cold_s) >= 0


def test_what_no_load_shows_is_not_told() -> None:
    taken = Work(warm_share=0.8, wake_up_s=0.0004)
    warm = [(visits, wake_ups, 0.0) for visits, wake_ups, _ in SLEEPS]
    awake = [(visits, 0, 0.0) for visits, _, _ in SLEEPS]

    for loads in (warm, awake):
        found = work(
            [Played(busy(each, taken), busy(each, Work()), *each[1:]) for each in loads],
            played_with=Work(),
        )

        assert found.warm_share == pytest.approx(0.8)
        assert found.wake_up_s == pytest.approx(0.0004 if loads is warm else 0)
        assert found.cold_s == 0


def test_loads_that_kept_the_core_idle_tell_nothing_of_its_work() -> None:
    assert work([Played(0.0, 0.0, 0)], played_with=Work(0.5, 0.1, 0.2)) == Work(0.5, 0.1, 0.2)


def test_what_wakes_up_is_told_from_what_the_client_takes() -> None:
    """Waking up takes 0.3 ms, and the client 0.5 ms for each of its requests."""

    def median(at_once_s: float, *, wake_ups: float, requests: int = 1) -> Median:
        return Median(
            measured_s=at_once_s + wake_ups * 0.0003 + requests * 0.0005,
            at_once_s=at_once_s,
            woken_s=at_once_s + wake_ups * 0.0002,
            requests=requests,
            weight=1.0,
        )

    asleep = [median(0.0004, wake_ups=0.9), median(0.003, wake_ups=2.7)]
    awake = [median(0.0006, wake_ups=0.2), median(0.012, wake_ups=1.5, requests=3)]

    found = latencies([*asleep, *awake], tried_s=0.0002)

    assert found.wake_up_s == pytest.approx(0.0003)
    assert found.client_s == pytest.approx(0.0005)


def test_a_server_that_answers_sooner_than_played_has_no_latency_to_tell() -> None:
    soon = Median(measured_s=0.001, at_once_s=0.002, woken_s=0.003, requests=1, weight=1.0)

    found = latencies([soon], tried_s=0.001)

    assert (found.wake_up_s, found.client_s) == (0, 0)

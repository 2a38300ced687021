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
from sim.calibration.background import consumer_services, renditions_service
from sim.calibration.errors import TooFewSamplesError
from sim.calibration.sampler import Sample
from sim.calibration.telling import BoxTime, Metrics, metrics, server_timing
from sim.calibration.waits import LowLoad, commit_service, wake_up_s
from sim.estimates.book import open_sheet
from sim.estimates.workload import work_flow
from tests.unit.calibration.records import CALLS, observation

STORES = frozenset({"posts_db"})


def test_a_header_tells_durations_and_cpu_of_boxes() -> None:
    found = server_timing("posts_db;dur=1.5;cpu=0.25, api_gateway;dur=3, cache;desc=hit")

    assert found == (BoxTime("posts_db", 0.0015, 0.00025), BoxTime("api_gateway", 0.003, None))


def test_metrics_are_read_by_box_and_subtracted() -> None:
    before = metrics('calls_total{box="posts_db"} 3\n')
    after = metrics('# HELP x\ncalls_total{box="posts_db"} 10\nb{box="a",le="1"} 2\n')

    assert after.since(before).values == {("calls_total", "posts_db"): 7.0}


def test_what_is_not_metered_is_shared_out_by_counts() -> None:
    found = overheads(observation(), STORES)

    assert found.trip_s == pytest.approx(0.010 / 20)
    assert found.turn_s == pytest.approx(0.004 / (10 + 20))
    assert found.http_s == pytest.approx(0.004 / 10)


def test_a_box_takes_its_cpu_its_trips_and_the_gateway_what_is_nobodys() -> None:
    turn_s = 0.004 / 30

    found = box_services(sampled_visits([observation()], stores=STORES))

    assert found["feed_reader"].mean_s == pytest.approx(0.0005)
    assert found["posts_db"].mean_s == pytest.approx(0.0001 + turn_s + 0.0005)
    assert found["posts_db"].threads_s == pytest.approx(0.0005)
    assert found["api_gateway"].mean_s == pytest.approx(0.0004 + 0.0004 + turn_s)
    assert found["posts_db"].flows["read_feed"].samples == 5
    assert found["posts_db"].scv == pytest.approx(0, abs=1e-12)


def test_boxes_that_a_flow_does_not_visit_are_told() -> None:
    sampled = sampled_visits([observation()], stores=STORES)

    assert flow_visits(sampled, ["posts_db", "users_db"])["read_feed"].visited == {
        "posts_db": 1.0,
        "users_db": 0.0,
    }


def test_a_mean_over_flows_is_weighted_by_requests_not_by_samples() -> None:
    seen = observation()
    slow = Sample("like", 0.01, (BoxTime("api_gateway", 0.01, 0.0084),))
    both = type(seen)(
        seen.metrics, seen.cpu, (*seen.samples, *([slow] * 5)), {"read_feed": 90.0, "like": 10.0}
    )

    found = box_services(sampled_visits([both], stores=STORES))["api_gateway"]

    extra_s = 0.0004 + 0.004 / 30
    assert found.mean_s == pytest.approx(0.9 * 0.0004 + 0.1 * 0.0084 + extra_s)


def test_a_flow_that_was_hardly_seen_is_named() -> None:
    seen = observation()
    more = type(seen)(seen.metrics, seen.cpu, seen.samples, {"read_feed": 5.0, "unfollow": 2.0})

    with pytest.raises(TooFewSamplesError, match="requests of unfollow: found 0 samples"):
        sampled_visits([more], stores=STORES)


def test_work_in_the_background_is_its_consumers_by_the_batch() -> None:
    turn_s, trip_s = 0.004 / 30, 0.0005

    found = consumer_services(
        [observation()], consumers=("notification_service", "feed_generator"), stores=STORES
    )

    # 20 trips, of which the ten requests made one each; of the 2 ms that the loop worked for the
    # store, 10 x 0.1 ms were theirs.
    background_s = 10 * (trip_s + turn_s) + (0.002 - 0.001)
    assert found.keys() == {"notification_service"}
    assert found["notification_service"].mean_s == pytest.approx((0.001 + background_s) / 5)


def test_renditions_take_the_cpu_of_the_processes_that_make_them() -> None:
    seen = observation()
    told = Metrics({**seen.metrics.values, (CALLS, "media_processor"): 8})
    cpu = replace(seen.cpu, children_s=1.2)

    found = renditions_service([replace(seen, metrics=told, cpu=cpu)], "media_processor")

    assert found["media_processor"].mean_s == pytest.approx(0.15)
    assert found["media_processor"].samples == 8
    assert not renditions_service([seen], "media_processor")


def test_http_outside_handlers_is_the_box_s_that_took_the_request() -> None:
    seen = observation()
    over = overheads(seen, STORES)
    post = Sample(
        "media_post",
        0.02,
        (BoxTime("object_storage", 0.01, 0.001), BoxTime("api_gateway", 0.002, 0.0005)),
        ("api_gateway", "object_storage", "api_gateway"),
    )

    found = visits(post, over, frozenset())

    outside_s = over.http_s + over.turn_s
    assert found["object_storage"].loop_s == pytest.approx(0.001 + outside_s)
    assert found["api_gateway"].loop_s == pytest.approx(0.0005 + 2 * outside_s)


def test_bins_hold_what_does_not_pass_their_bound() -> None:
    found = histogram([0.001, 0.0011, 0.004])

    assert sum(each.visits for each in found) == 3
    assert all(later.up_to_s > each.up_to_s for each, later in pairwise(found))
    assert found[-1].up_to_s >= 0.004 > found[-2].up_to_s


def test_a_commit_is_what_writing_takes_longer_than_reading() -> None:
    like = Sample(
        "like", 0.004, (BoxTime("posts_db", 0.0005, 0.0), BoxTime("likes_db", 0.0015, 0.0))
    )

    found = commit_service(
        [like] * 5, {"like": "likes_db"}, stores=frozenset({"posts_db", "likes_db"})
    )

    assert found is not None
    assert found.mean_s == pytest.approx(0.001)


def test_waking_up_is_what_a_response_takes_beyond_its_service_times() -> None:
    flow = open_sheet(load("one_machine")).once(work_flow, "read_feed")
    served_s = sum(step.mean_busy_s for step in flow.steps)
    count = sum(step.mean_visits for step in flow.steps)

    found = wake_up_s([LowLoad(flow, served_s + count * 0.0004, requests=50)])

    assert found == pytest.approx(0.0004)
    assert wake_up_s([LowLoad(flow, served_s / 2, requests=50)]) == 0

"""Load tests of servers of which the truth is known: their stalls, faults and limits."""

from pathlib import Path

import numpy as np
import pytest

from scenarios.loader import load
from sim.loadtest.traffic import scenario_traffic
from tests.e2e.load import SMALL, flow, loadtest, objective, toy_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_a_stall_shows_in_open_load_and_hides_from_closed_users(program: Path) -> None:
    stall = ("--stall-at", "250", "--stall-s", "1.0")
    load = (*SMALL, "--rate", "150", "--duration", "8s")
    with toy_server(*stall) as url:
        _, opened = loadtest(program, "--host", url, *load)
    with toy_server(*stall) as url:
        _, closed = loadtest(program, "--host", url, *load, "--users", "2")

    # An eighth of the open requests were due while the server stood still; of the closed users each
    # had one request that waited, and sent no others meanwhile.
    assert flow(opened, "read_feed")["p99_s"] > 0.9
    assert flow(opened, "read_feed")["p95_s"] > 0.5
    assert flow(closed, "read_feed")["p99_s"] < 0.2
    # The schedule was kept, stall or not; a machine that others use too may be late by itself.
    assert all("after it was due" in reason for reason in opened["invalid_because"])
    assert opened["sent_per_s"] == pytest.approx(opened["offered_per_s"], rel=0.02)


def test_every_request_is_answered_or_fails_also_where_answers_drip(program: Path) -> None:
    with toy_server("--drip-every", "20") as url:
        _, document = loadtest(program, "--host", url, *SMALL, "--rate", "100", "--duration", "4s")

    reads = flow(document, "read_feed")
    kinds = {row["kind"]: row["requests"] for row in document["errors"]}
    due = document["offered_per_s"] * document["setup"]["duration_s"]
    assert sum(row["requests"] for row in document["flows"]) == pytest.approx(due, abs=0.5)
    assert kinds["timeout"] > 0
    # One page in twenty took as long as anybody waits.
    assert reads["p99_s"] >= 9.9
    assert objective(document, "read_feed p99")["met"] is False


def test_freshness_is_the_time_that_a_server_takes_to_fan_out(program: Path) -> None:
    with toy_server("--fan-out-s", "0.3") as url:
        _, document = loadtest(
            program,
            *("--host", url, *SMALL, "--rate", "200", "--duration", "8s"),
            *("--set", "activity.posting_share=1"),
        )

    fresh = document["freshness"]
    assert fresh["lost"] == 0
    assert fresh["posts"] >= 10
    # Never less; more by no more than a watcher pauses, and a busy machine takes.
    assert 0.3 <= fresh["p50_s"] <= 0.3 + fresh["resolution_s"] + 0.1
    # Watchers' reads have a row of their own.
    assert flow(document, "canary_reads")["requests"] > 0


def test_a_day_is_pressed_into_the_duration(program: Path) -> None:
    with toy_server() as url:
        _, document = loadtest(
            program,
            *("--host", url, *SMALL, "--shape", "day", "--duration", "12s"),
            *("--dau", "1M"),
        )

    offered = [row["offered_per_s"] for row in document["timeline"]]
    traffic = scenario_traffic(load(dau=1e6))
    by_two_hours = np.asarray(traffic.hourly).reshape(12, 2).mean(axis=1) * traffic.rate_per_s
    # The timeline's seconds begin with the warm-up of half a second: each spans two of them.
    assert document["offered_per_s"] == pytest.approx(traffic.rate_per_s, rel=0.15)
    assert np.corrcoef(offered[1:12], by_two_hours[1:])[0, 1] > 0.7


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("misorder", "wrong page: not from newest to oldest"),
        ("drop", "wrong page: a post is missing"),
        ("duplicate", "wrong page: a post twice"),
    ],
)
def test_the_oracle_catches_a_server_that_spoils_pages(
    program: Path, fault: str, kind: str
) -> None:
    with toy_server("--fault", fault) as url:
        _, document = loadtest(
            program, "--host", url, *SMALL, "--rate", "60", "--duration", "1500ms"
        )

    assert kind in {row["kind"] for row in document["errors"]}
    assert document["pages"]["wrong"] > 0
    failed = sum(
        row["requests"]
        for row in document["errors"]
        if row["flow"] == "read_feed" and not row["kind"].startswith("wrong page")
    )
    assert flow(document, "read_feed")["errors"] == document["pages"]["wrong"] + failed


def test_an_upload_that_is_not_taken_is_an_error_of_the_media_post(program: Path) -> None:
    load = ("--rate", "400", "--duration", "3s")
    with toy_server() as url:
        _, sound = loadtest(program, "--host", url, *SMALL, *load)
    with toy_server("--fault", "no storage") as url:
        _, refused = loadtest(program, "--host", url, *SMALL, *load)

    assert flow(sound, "media_post")["requests"] > 0
    assert flow(sound, "media_post")["errors"] == 0
    assert flow(refused, "media_post")["errors"] == flow(refused, "media_post")["requests"] > 0
    [kind] = [row for row in refused["errors"] if row["flow"] == "media_post"]
    assert kind["kind"] == "object_storage: status 403"
    assert flow(refused, "text_post")["errors"] == 0


def test_the_known_limit_of_a_server_is_found_within_a_tenth(program: Path) -> None:
    with toy_server("--service-s", "0.01") as url:
        code, document = loadtest(
            program,
            *("--host", url, "--world", "20", "--warmup", "500ms"),
            *("--find-max", "--rate", "70", "--duration", "3s"),
        )

    assert code == 0
    found = document["breakpoint"]
    assert 90 <= found["last_good_per_s"] < found["first_bad_per_s"] <= 110
    assert document["scalability"]["peak_per_s"] == pytest.approx(100, rel=0.1)

"""Load tests of servers of which the truth is known: their stalls, faults and limits."""

from pathlib import Path

import pytest

from tests.e2e.load import SMALL, flow, loadtest, toy_server

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
    # The schedule was kept, stall or not.
    assert opened["valid"]
    assert opened["sent_per_s"] == pytest.approx(opened["offered_per_s"], rel=0.02)


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
        code, document = loadtest(
            program, "--host", url, *SMALL, "--rate", "60", "--duration", "1500ms", "--check"
        )

    assert code == 3
    assert kind in {row["kind"] for row in document["errors"]}
    assert document["pages"]["wrong"] > 0
    assert flow(document, "read_feed")["errors"] >= document["pages"]["wrong"]


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

"""Clients that keep the server waiting are cut off; those that get on, however slowly, are not."""

import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.serving import Serving, serving
from tests.e2e.sockets import (
    answer,
    answers,
    connected,
    eventually,
    head,
    metric,
    post_in_parts,
)

CLIENT_S = 1.0
IDLE_S = 3.0
# What a noisy machine may add.
SLACK_S = 2.0
POSTS = 80
TEXT_CHARACTERS = 100_000
NOTIFICATIONS = 60_000
# Small, so that what the client does not read stays with the server.
RECEIVE_BYTES = 4_096


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(program: Path, folder: Path) -> Iterator[Serving]:
    timeouts = ["--client-timeout", f"{CLIENT_S}s", "--idle-timeout", f"{IDLE_S}s"]
    with serving(program, folder, *timeouts) as server:
        yield server


def closed_after_s(client: socket.socket) -> float:
    """Wait until the server has closed the connection."""
    started_s = time.monotonic()
    answer(client)
    return time.monotonic() - started_s


def dribble(client: socket.socket, *, part: bytes = b"X-Slow: yes\r\n") -> float:
    """Send headers without end, a few bytes at a time, until the server has enough of it."""
    started_s = time.monotonic()
    client.settimeout(0.1)
    while time.monotonic() < started_s + 10:
        try:
            client.sendall(part)
            if client.recv(1) == b"":
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return time.monotonic() - started_s


def test_headers_that_never_end_are_cut_off(server: Serving) -> None:
    with connected(server) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\n")

        assert CLIENT_S / 2 < dribble(client) < CLIENT_S + SLACK_S


def test_a_client_that_sends_nothing_is_cut_off(server: Serving) -> None:
    with connected(server) as client:
        assert CLIENT_S / 2 < closed_after_s(client) < CLIENT_S + SLACK_S


def test_headers_of_a_second_request_that_never_end_are_cut_off(server: Serving) -> None:
    with connected(server) as client:
        client.sendall(head("GET", "/livez"))
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        client.sendall(b"GET /livez HTTP/1.1\r\n")

        assert CLIENT_S / 2 < dribble(client) < CLIENT_S + SLACK_S


def test_an_idle_connection_stays_a_while_and_is_closed(server: Serving) -> None:
    with connected(server) as client:
        client.sendall(head("GET", "/livez"))
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")

        assert CLIENT_S + 0.5 < closed_after_s(client) < IDLE_S + SLACK_S


def test_a_body_that_never_ends_is_answered_with_408(server: Serving) -> None:
    author = server.sign_up("slow body")
    begun, _ = post_in_parts(author)
    with connected(server) as client:
        client.sendall(begun)
        started_s = time.monotonic()
        received = client.recv(65_536)

        assert received.startswith(b"HTTP/1.1 408")
        assert b"application/problem+json" in received
        assert CLIENT_S / 2 < time.monotonic() - started_s < CLIENT_S + SLACK_S
        assert closed_after_s(client) < CLIENT_S + SLACK_S
    assert answers(server, "POST", "/v1/posts", 408) == 1


def large_page(server: Serving, name: str) -> bytes:
    """Return a request whose answer is some megabytes, more than the system's buffers hold."""
    author = server.sign_up(name)
    for _ in range(POSTS):
        server.post(author, "x" * TEXT_CHARACTERS)
    return head("GET", f"/v1/users/{author.user_id}/posts?limit={POSTS}", person=author)


def test_a_client_that_does_not_take_its_answer_is_cut_off(server: Serving) -> None:
    request = large_page(server, "takes nothing")
    cut = metric(server, "socialfeed_slow_clients_total")
    with connected(server, receive_bytes=RECEIVE_BYTES) as client:
        client.sendall(request)

        eventually(
            lambda: metric(server, "socialfeed_slow_clients_total") == cut + 1,
            within_s=CLIENT_S + SLACK_S + 2,
        )
        assert len(answer(client)) < POSTS * TEXT_CHARACTERS
    # The one that asks.
    eventually(lambda: metric(server, "socialfeed_connections") == 1, within_s=IDLE_S + SLACK_S)


def test_a_client_that_takes_its_answer_slowly_gets_all_of_it(server: Serving) -> None:
    request = large_page(server, "takes all")
    cut = metric(server, "socialfeed_slow_clients_total")
    started_s = time.monotonic()
    received = 0
    with connected(server, receive_bytes=RECEIVE_BYTES) as client:
        client.sendall(request)
        while received < POSTS * TEXT_CHARACTERS:
            part = client.recv(131_072)
            assert part
            received += len(part)
            due_s = started_s + 3 * CLIENT_S * received / (POSTS * TEXT_CHARACTERS)
            time.sleep(max(due_s - time.monotonic(), 0))

    assert time.monotonic() - started_s > 2 * CLIENT_S
    assert metric(server, "socialfeed_slow_clients_total") == cut


def test_a_stream_that_nobody_reads_is_ended(server: Serving, folder: Path) -> None:
    owner = server.sign_up("owner")
    fill_notifications(folder, int(owner.user_id))
    request = head("GET", f"/v1/notifications/{owner.user_id}/stream", person=owner)
    with connected(server, receive_bytes=RECEIVE_BYTES) as client:
        client.sendall(request[:-2] + b"Last-Event-ID: 0\r\n\r\n")

        eventually(lambda: metric(server, "socialfeed_streams") == 1, within_s=SLACK_S)
        eventually(lambda: metric(server, "socialfeed_streams") == 0, within_s=10)


def fill_notifications(folder: Path, user_id: int) -> None:
    """Give a user more notifications than the system's buffers hold, as the server stores them."""
    rows = [(user_id, n, "like", user_id, 1, str(n)) for n in range(1, NOTIFICATIONS + 1)]
    with sqlite3.connect(folder / "socialfeed.sqlite3", timeout=20) as database:
        database.executemany(
            "INSERT INTO notifications (user_id, notification_id, kind, actor_id, post_id, source)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
    database.close()


def test_a_stream_whose_reader_has_gone_is_ended_at_once(server: Serving) -> None:
    reader = server.sign_up("gone")
    with connected(server) as client:
        client.sendall(head("GET", f"/v1/notifications/{reader.user_id}/stream", person=reader))
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        assert metric(server, "socialfeed_streams") == 1

    eventually(lambda: metric(server, "socialfeed_streams") == 0, within_s=SLACK_S)


def test_a_stream_stays_while_it_is_read(server: Serving) -> None:
    reader = server.sign_up("stays")
    with connected(server) as client:
        client.sendall(head("GET", f"/v1/notifications/{reader.user_id}/stream", person=reader))
        time.sleep(max(CLIENT_S, IDLE_S) + 1)

        assert metric(server, "socialfeed_streams") == 1

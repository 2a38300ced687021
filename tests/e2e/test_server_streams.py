"""A stream of notifications lasts as long as its token, and goes on where its reader was."""

import http.client
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.e2e.serving import Person, Serving, serving

PASSWORD = "ada's password"  # noqa: S105 - of a user of this test


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(program, tmp_path_factory.mktemp("data")) as server:
        yield server


@contextmanager
def stream(
    server: Serving, person: Person, *, after: str | None = None
) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    headers = {"Authorization": f"Bearer {person.token}"}
    if after is not None:
        headers["Last-Event-ID"] = after
    try:
        connection.request("GET", f"/v1/notifications/{person.user_id}/stream", headers=headers)
        yield connection.getresponse()
    finally:
        connection.close()


def next_id(response: http.client.HTTPResponse) -> str:
    while not (line := response.readline()).startswith(b"data: "):
        assert line, "the stream has ended"
    return str(json.loads(line.removeprefix(b"data: "))["notificationId"])


def comment(server: Serving, person: Person, post_id: str) -> None:
    body = {"userId": person.user_id, "postId": post_id, "comment": "hello"}
    assert server.send("POST", "/v1/comments", body, token=person.token).status == 201


def test_a_stream_ends_when_its_token_is_revoked(server: Serving) -> None:
    ada = server.sign_up("ada", PASSWORD)
    other = server.send("POST", "/v1/tokens", {"name": "ada", "password": PASSWORD}).json["token"]
    still_valid = Person(ada.user_id, other)
    post_id = server.post(still_valid, "notify me")
    with stream(server, ada) as revoked, stream(server, still_valid) as going_on:
        assert revoked.readline() == going_on.readline() == b": heartbeat\n"
        server.send("DELETE", "/v1/tokens", token=ada.token)

        assert revoked.read() == b"\n"
        comment(server, server.sign_up("revoker's friend"), post_id)
        assert next_id(going_on)


def test_a_stream_ends_when_its_token_expires(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server:
        ada = server.sign_up("ada")
        in_a_second = "(julianday('now') - 2440587.5) * 86400000 + 1000"
        with closing(sqlite3.connect(tmp_path / "socialfeed.sqlite3")) as database, database:
            database.execute(f"UPDATE tokens SET expires_at_ms = {in_a_second}")  # noqa: S608
        with stream(server, ada) as response:
            started_s = time.monotonic()

            assert response.read() == b": heartbeat\n\n"
            assert time.monotonic() - started_s < 3


def test_one_user_cannot_hold_all_streams(server: Serving) -> None:
    dan = server.sign_up("dan")
    with ExitStack() as held:
        opened = [held.enter_context(stream(server, dan)) for _ in range(21)]

        assert [response.status for response in opened] == [200] * 20 + [503]
        assert held.enter_context(stream(server, server.sign_up("another"))).status == 200


def test_marking_the_notifications_of_nobody_is_404(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path, "--open") as server:
        reply = server.send("POST", "/v1/notifications/17/read", {"upTo": "1"})

    assert reply.status == 404


def test_a_reader_who_comes_back_gets_what_came_after_the_last_event(server: Serving) -> None:
    bob, eve = server.sign_up("bob"), server.sign_up("eve")
    post_id = server.post(bob, "notify me")
    with stream(server, bob) as response:
        assert response.readline() == b": heartbeat\n"
        comment(server, eve, post_id)
        seen = next_id(response)
    for _ in range(2):
        comment(server, eve, post_id)

    with stream(server, bob, after=seen) as response:
        missed = [next_id(response) for _ in range(2)]

    path = f"/v1/notifications/{bob.user_id}"
    listed = server.send("GET", path, token=bob.token).json["items"]
    assert [seen, *missed] == [item["notificationId"] for item in listed][::-1]

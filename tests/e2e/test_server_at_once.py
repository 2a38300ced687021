"""Feed pages that are in memory are answered at once: as all others are, and never out of turn."""

import json
import re
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.e2e.serving import Person, Serving, serving
from tests.e2e.sockets import answers, connected, eventually, head, metric, post_in_parts

FEED = "/v1/feeds/{userId}"
AT_ONCE = "socialfeed_answered_at_once_total"
IDLE_S = 2.0
POSTS = 100
TEXT = "x" * 5_000
# Small, so that what the client does not read stays with the server.
RECEIVE_BYTES = 4_096


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "access.log"


@pytest.fixture(scope="module")
def server(program: Path, log: Path) -> Iterator[Serving]:
    options = ["--idle-timeout", f"{IDLE_S}s", "--access-log"]
    with (
        log.open("w") as stdout,
        serving(program, log.parent / "data", *options, stdout=stdout) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def author(server: Serving) -> Person:
    return server.sign_up("author")


@pytest.fixture(scope="module")
def reader(server: Serving, author: Person) -> Person:
    reader = server.sign_up("reader")
    server.follow(reader, author)
    server.post(author, "A post")
    eventually(lambda: [post["text"] for post in server.feed(reader)] == ["A post"], within_s=10)
    wait_until_at_hand(server, feed(reader))
    return reader


def feed(person: Person, *, more: str = "") -> bytes:
    request = head("GET", f"/v1/feeds/{person.user_id}", person=person)
    return request.replace(b"\r\n\r\n", f"\r\n{more}\r\n".encode())


def read(server: Serving, person: Person) -> tuple[int, list[str]]:
    """Read a feed's first page; returns the status and the texts."""
    reply = server.send("GET", f"/v1/feeds/{person.user_id}", token=person.token)
    return reply.status, [item["text"] for item in reply.json["items"]]


def exchanged(client: socket.socket, request: bytes) -> tuple[bytes, bytes]:
    """Send a request and return headers and body of its answer."""
    client.sendall(request)
    return received(client)


def received(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(1)
        assert part, "the connection was closed"
        data += part
    headers = data.lower()
    length = int(headers.split(b"content-length: ")[1].split(b"\r\n")[0])
    body = b""
    while len(body) < length:
        body += client.recv(length - len(body))
    return data, body


def counted(server: Serving, work: Callable[[], object]) -> int:
    """Return how many requests were answered at once meanwhile."""
    before = metric(server, AT_ONCE)
    work()
    return round(metric(server, AT_ONCE) - before)


def wait_until_at_hand(server: Serving, request: bytes) -> None:
    """Wait until the feed has been prepared in the background."""
    with closing(connected(server)) as client:
        eventually(lambda: counted(server, lambda: exchanged(client, request)) == 1, within_s=10)


def without_its_own(headers: bytes) -> bytes:
    """Return headers without what is each answer's own."""
    return re.sub(rb"(Date|X-Request-ID): [^\r]*", b"", headers)


def test_a_page_that_was_read_before_is_answered_at_once(server: Serving, reader: Person) -> None:
    def ask(more: str) -> None:
        with closing(connected(server)) as client:
            exchanged(client, feed(reader, more=more))

    assert counted(server, lambda: ask("")) == 1
    assert counted(server, lambda: ask("Connection: close\r\n")) == 0


def test_the_answer_is_the_one_that_others_have(server: Serving, reader: Person) -> None:
    with closing(connected(server)) as client:
        at_once = exchanged(client, feed(reader))
        # What has a body is answered as usual.
        usual = exchanged(client, feed(reader, more="Content-Length: 1\r\n") + b"x")

    assert at_once[1] == usual[1]
    assert without_its_own(at_once[0]) == without_its_own(usual[0])


def test_it_is_counted_and_logged_like_others(server: Serving, reader: Person, log: Path) -> None:
    before = answers(server, "GET", FEED, 200)
    visits = metric(server, 'socialfeed_box_duration_seconds_count{box="feed_reader"}')
    with closing(connected(server)) as client:
        headers, body = exchanged(client, feed(reader, more="X-Request-ID: my-own\r\n"))

    assert b"\r\nX-Request-ID: my-own\r\n" in headers
    assert answers(server, "GET", FEED, 200) == before + 1
    assert metric(server, 'socialfeed_box_duration_seconds_count{box="feed_reader"}') == visits + 1

    def is_logged() -> bool:
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        return any(
            (entry["requestId"], entry["route"], entry["status"], entry["bytes"], entry["userId"])
            == ("my-own", FEED, 200, len(body), reader.user_id)
            for entry in entries
        )

    eventually(is_logged, within_s=10)


def test_the_next_page_shows_what_was_changed_meanwhile(server: Serving, author: Person) -> None:
    fan = server.sign_up("fan")
    server.follow(fan, author)
    post_id = server.post(author, "First words")
    eventually(lambda: read(server, fan)[1][:1] == ["First words"], within_s=10)
    wait_until_at_hand(server, feed(fan))

    with closing(connected(server)) as client:

        def shown() -> dict[str, object]:
            items: list[dict[str, object]] = json.loads(exchanged(client, feed(fan))[1])["items"]
            return items[0] if items else {}

        assert (shown()["text"], shown()["likeCount"]) == ("First words", 0)
        like = {"userId": fan.user_id, "postId": post_id}
        assert server.send("POST", "/v1/likes", like, token=fan.token).status == 201
        assert shown()["likeCount"] == 1
        edit = {"text": "Other words"}
        path = f"/v1/posts/{post_id}"
        assert server.send("PATCH", path, edit, token=author.token).status == 200
        assert shown()["text"] == "Other words"
        assert server.send("DELETE", path, token=author.token).status == 204
        assert shown().get("text") != "Other words"
        follow = f"/v1/follow?followerId={fan.user_id}&followeeId={author.user_id}"
        assert server.send("DELETE", follow, token=fan.token).status == 204
        assert shown() == {}


def test_a_page_is_made_at_once_of_posts_that_others_have_read(
    server: Serving, author: Person
) -> None:
    first, second = (server.sign_up(name) for name in ("first-to-read", "second-to-read"))
    for each in (first, second):
        server.follow(each, author)
    wait_until_at_hand(server, feed(second))
    server.post(author, "Read by the first")
    eventually(lambda: read(server, first)[1][:1] == ["Read by the first"], within_s=10)

    pages: list[list[str]] = []

    def read_new() -> None:
        with closing(connected(server)) as client:
            items = json.loads(exchanged(client, feed(second))[1])["items"]
            pages.append([item["text"] for item in items])

    assert counted(server, read_new) == 1
    assert pages[0][:1] == ["Read by the first"]


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/v1/feeds/{reader}", "no-such-token", 401),
        ("/v1/feeds/{reader}", "", 401),
        ("/v1/feeds/1", "{token}", 403),
        ("/v1/feeds/{reader}?limit=0", "{token}", 422),
        ("/v1/feeds/{reader}?cursor=wrong", "{token}", 422),
        ("/v1/feeds/{reader}x", "{token}", 404),
    ],
)
def test_what_is_refused_is_refused_as_usual(
    server: Serving, reader: Person, *, path: str, token: str, status: int
) -> None:
    token = token.format(token=reader.token)

    reply = server.send("GET", path.format(reader=reader.user_id), token=token or None)

    assert (reply.status, reply.json["status"]) == (status, status)


def test_a_token_that_was_revoked_reads_nothing_more(server: Serving, author: Person) -> None:
    guest = server.sign_up("guest")
    server.follow(guest, author)
    wait_until_at_hand(server, feed(guest))
    with closing(connected(server)) as client:
        assert exchanged(client, feed(guest))[0].startswith(b"HTTP/1.1 200")
        assert server.send("DELETE", "/v1/tokens", token=guest.token).status == 204

        assert exchanged(client, feed(guest))[0].startswith(b"HTTP/1.1 401")


def test_requests_that_come_together_are_answered_in_their_order(
    server: Serving, reader: Person, author: Person
) -> None:
    body = json.dumps({"userId": author.user_id, "text": "Between two pages"}).encode()
    post = head("POST", "/v1/posts", person=author, length=len(body)) + body
    with closing(connected(server)) as client:
        client.sendall(post + feed(reader) + post)
        first = [received(client)[0][9:12] for _ in range(3)]
        client.sendall(post)
        client.sendall(feed(reader))
        second = [received(client)[0][9:12] for _ in range(2)]

    assert (first, second) == ([b"201", b"200", b"201"], [b"201", b"200"])


def test_a_body_that_comes_apart_from_its_head_changes_nothing(
    server: Serving, reader: Person, author: Person
) -> None:
    begun, rest = post_in_parts(author)

    def post_and_read() -> None:
        with closing(connected(server)) as client:
            client.sendall(begun)
            time.sleep(0.1)
            assert exchanged(client, rest)[0].startswith(b"HTTP/1.1 201")
            eventually(lambda: read(server, reader)[1][:1] == ["in two parts"], within_s=10)
            exchanged(client, feed(reader))

    # Two others read the page anew, and then it is at hand.
    assert counted(server, post_and_read) >= 1


def test_what_one_client_has_begun_is_no_part_of_anothers_request(
    server: Serving, reader: Person, author: Person
) -> None:
    begun = f"DELETE /x?followerId={reader.user_id}&followeeId={author.user_id} HTTP/1.1\r\nX: "
    stranger = server.sign_up("stranger")
    server.follow(reader, stranger)
    with closing(connected(server)) as client:
        client.sendall(head("GET", "/v1/users/1") + begun.encode())
        received(client)
        unfollow = f"/v1/follow?followerId={reader.user_id}&followeeId={stranger.user_id}"
        assert server.send("DELETE", unfollow, token=reader.token).status == 204

    followees = server.send("GET", f"/v1/users/{reader.user_id}/followees", token=reader.token)
    assert [user["userId"] for user in followees.json["items"]] == [author.user_id]


def test_a_request_may_come_with_the_beginning_of_the_next(server: Serving, reader: Person) -> None:
    request = feed(reader)
    with closing(connected(server)) as client:
        client.sendall(request + request[:30])
        time.sleep(0.1)
        client.sendall(request[30:])

        assert [received(client)[0][9:12] for _ in range(2)] == [b"200"] * 2


def test_the_rest_of_a_body_is_no_request(server: Serving, reader: Person) -> None:
    hidden = feed(reader)
    body_bytes = len(hidden) + 2_000_000
    post = head("POST", "/v1/posts", person=reader, length=body_bytes)

    def smuggle() -> None:
        with closing(connected(server)) as client:
            assert exchanged(client, post)[0].startswith(b"HTTP/1.1 413")
            client.settimeout(1.0)
            client.sendall(hidden)
            # Closed, or silent.
            with suppress(TimeoutError, ConnectionError):
                assert client.recv(1) == b""

    assert counted(server, smuggle) == 0


def test_a_connection_on_which_no_more_comes_is_closed(server: Serving, reader: Person) -> None:
    with closing(connected(server)) as client:
        exchanged(client, head("GET", "/livez"))
        started_s = time.monotonic()
        while time.monotonic() < started_s + 1.5 * IDLE_S:
            exchanged(client, feed(reader))
            time.sleep(0.2)
        asked_s = time.monotonic()
        assert client.recv(1) == b""

        assert IDLE_S - 0.5 < time.monotonic() - asked_s < IDLE_S + 3


def test_a_connection_that_waits_for_its_answer_is_not_idle(
    server: Serving, reader: Person, author: Person, log: Path
) -> None:
    request = b"".join(post_in_parts(author))
    database = sqlite3.connect(log.parent / "data" / "socialfeed.sqlite3", timeout=20)
    with closing(connected(server)) as client, closing(database):
        exchanged(client, feed(reader))
        database.execute("BEGIN IMMEDIATE")
        client.sendall(request)
        time.sleep(IDLE_S + 1.5)
        database.rollback()

        assert received(client)[0].startswith(b"HTTP/1.1 201")


def test_who_takes_no_answers_gets_no_more_of_them(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data") as server:
        author, reader = server.sign_up("author"), server.sign_up("reader")
        server.follow(reader, author)
        for _ in range(POSTS):
            server.post(author, TEXT)
        page = f"/v1/feeds/{reader.user_id}?limit={POSTS}"
        eventually(lambda: len(server.feed(reader)) == POSTS, within_s=20)
        request = head("GET", page, person=reader)
        wait_until_at_hand(server, request)
        with closing(connected(server, receive_bytes=RECEIVE_BYTES)) as client:

            def ask_only() -> None:
                for _ in range(50):
                    client.sendall(request)
                    time.sleep(0.01)

            # The first ones fill the socket; then it is waited until they are taken.
            assert 1 <= counted(server, ask_only) < 25

"""The limits of what a request may hold: at them it is done, past them refused, and never a 500."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.serving import Person, Serving, serving
from tests.e2e.sockets import answer, connected, eventually, metric
from tests.e2e.uploads import uploaded

FILES = ("socialfeed.sqlite3", "feeds.sqlite3")
DIGITS = "9" * 5_000


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(program, tmp_path_factory.mktemp("data"), "--rate-limit", "0") as server:
        yield server


@pytest.fixture(scope="module")
def ada(server: Serving) -> Person:
    return server.sign_up("ada")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/v1/posts/{DIGITS}", 404),
        (f"/v1/users/{DIGITS}/followers", 404),
        (f"/v1/follow?followerId={DIGITS}&followeeId=1", 422),
        (f"/v1/likes?userId=1&postId={DIGITS}", 422),
        ("/v1/users/" + "٣" * 3, 404),
    ],
)
def test_an_id_of_any_length_is_no_error_of_the_server(
    server: Serving, ada: Person, path: str, status: int
) -> None:
    method = "DELETE" if "?" in path else "GET"
    path = path.replace("٣", "%D9%A3")

    assert server.send(method, path, token=ada.token).status == status


def test_an_event_id_of_any_length_is_no_error_of_the_server(server: Serving, ada: Person) -> None:
    path = f"/v1/notifications/{ada.user_id}/stream"

    reply = server.send("GET", path, token=ada.token, headers={"Last-Event-ID": DIGITS})

    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "Last-Event-ID")


def longest(
    server: Serving, field: str, characters: int, ada: Person
) -> tuple[str, dict[str, str]]:
    """Return the call and the body in which a field has so many characters."""
    text = "€" * characters
    post_id = server.post(ada, "to comment on")
    media = {"userId": ada.user_id, "mediaUrl": uploaded(server, ada)}
    return {
        "comment": ("/v1/comments", {"userId": ada.user_id, "postId": post_id, "comment": text}),
        "text": ("/v1/posts", {"userId": ada.user_id, "text": text}),
        "description": ("/v1/posts", {**media, "description": text}),
        "name": ("/v1/users", {"name": text}),
    }[field]


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("comment", 10_000),
        ("text", 100_000),
        ("description", 10_000),
        ("name", 64),
    ],
)
def test_a_text_is_as_long_as_documented_and_no_longer(
    server: Serving, ada: Person, field: str, most: int
) -> None:
    path, fits = longest(server, field, most, ada)
    _, too_long = longest(server, field, most + 1, ada)

    assert server.send("POST", path, fits, token=ada.token).status == 201
    refused = server.send("POST", path, too_long, token=ada.token)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, field)


NO_HTTP = [
    b"\x16\x03\x01\x02\x00 no HTTP at all\r\n\r\n",
    b"GET /v1/posts/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"marker" * 2_000 + b"\r\n\r\n",
    b"GET /" + b"marker" * 2_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: marker\r\n\r\n",
    b"GET / HTTP/9.9\r\nmarker\r\n\r\n",
]


def answer_to(server: Serving, request: bytes) -> bytes:
    with closing(connected(server)) as client:
        client.sendall(request)
        return answer(client)


@pytest.mark.parametrize("request_head", NO_HTTP)
def test_what_is_no_http_is_a_problem_with_safe_headers(
    server: Serving, request_head: bytes
) -> None:
    reply = answer_to(server, request_head)

    headers, _, body = reply.partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert problem["status"] == int(headers[9:12])
    assert 400 <= problem["status"] < 500
    for header in (
        b"Content-Type: application/problem+json",
        b"Server: socialfeed",
        b"X-Content-Type-Options: nosniff",
        b"Content-Security-Policy: default-src 'none'",
        b"X-Request-ID: ",
    ):
        assert header in headers
    assert b"marker" not in reply


def test_what_is_no_http_leaves_no_traceback(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server:
        for request_head in NO_HTTP:
            assert answer_to(server, request_head)
        server.stop()

        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""


def test_each_user_has_a_rate_of_their_own_past_which_the_answer_is_429(
    program: Path, tmp_path: Path
) -> None:
    with serving(program, tmp_path) as server:
        token = server.sign_up("busy").token
        server.stop()
    # The address has a limit too: the user is let through from several, as from many devices.
    with serving(program, tmp_path, "--rate-limit", "0.1") as server:
        statuses = [
            ask(server, f"127.0.0.{number}", "/v1/users/1", token) for number in range(2, 5)
        ]

    assert statuses == [404, 429, 429]


def ask(server: Serving, source: str, path: str, token: str | None = None) -> int:
    """Return the status of an answer to a client at another loopback address."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", server.port, timeout=20, source_address=(source, 0)
    )
    with closing(connection):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


def test_pages_beside_the_calls_are_limited_too_but_for_health(
    program: Path, tmp_path: Path
) -> None:
    with serving(program, tmp_path, "--rate-limit", "1") as server:
        for path in ("/metrics", "/docs", "/openapi.json"):
            statuses = [server.send("GET", path).status for _ in range(4)]
            assert 429 in statuses
        statuses = [server.send("GET", path).status for path in ("/livez", "/readyz") * 5]

    assert statuses == [200] * 10


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8080"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:8080", "Origin": "http://localhost:3000"}, 200),
        ({"Host": "[::1]:8080"}, 200),
        ({"Host": "127.0.0.1"}, 200),
    ],
)
def test_an_open_server_answers_pages_of_this_machine_only(
    open_server: Serving, headers: dict[str, str], status: int
) -> None:
    user = open_server.send("POST", "/v1/users", {"name": repr(headers)}, headers=headers)
    pages = [open_server.send("GET", path, headers=headers) for path in ("/metrics", "/docs")]

    assert user.status == (201 if status == 200 else status)
    assert [page.status for page in pages] == [status, status]
    assert open_server.send("GET", "/livez", headers=headers).status == 200


@pytest.fixture(scope="module")
def open_server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(program, tmp_path_factory.mktemp("open"), "--open") as server:
        yield server


def test_nobody_else_can_read_what_is_stored(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server:
        server.sign_up("ada")
        modes = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()}

    assert {f"{name}{end}" for name in FILES for end in ("", "-wal", "-shm")} <= modes.keys()
    kept = {name: mode for name, mode in modes.items() if name != "lock"}
    assert kept == dict.fromkeys(kept, 0)


def test_metrics_tell_what_the_caches_had(server: Serving) -> None:
    reader = server.sign_up("reads twice")
    name = 'socialfeed_cache_hits_total{box="feed_cache"}'

    def hits_of_a_read() -> float:
        before = metric(server, name)
        server.feed(reader)
        return metric(server, name) - before

    assert hits_of_a_read() == 0
    # The feed is being built.
    eventually(lambda: hits_of_a_read() == 1, within_s=5)


@pytest.mark.parametrize("box", ["feed_cache", "page_cache", "post_cache", "likes_cache"])
def test_metrics_tell_how_much_the_caches_hold(server: Serving, box: str) -> None:
    name = f'socialfeed_cache_bytes{{box="{box}"}}'
    reader, author = server.sign_up(f"reads {box}"), server.sign_up(f"writes {box}")
    server.follow(reader, author)
    before = metric(server, name)
    server.post(author, "held")

    def read_and_held() -> bool:
        server.feed(reader)
        return metric(server, name) > before

    eventually(read_and_held, within_s=5)


def test_metrics_tell_how_much_sqlite_takes(server: Serving) -> None:
    assert metric(server, 'socialfeed_cache_bytes{box="sqlite"}') > 100_000

"""What the server refuses: who may not, what cannot be read, what is too much."""

import http.client
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from server.services.accounts import token_digest
from tests.e2e.serving import Person, Reply, Serving, expect_problem, serving
from tests.e2e.sockets import connected, head

# Every call that needs a token; {me} is whose it is about.
CALLS = [
    ("DELETE", "/v1/tokens", None),
    ("POST", "/v1/posts", {"userId": "{me}", "text": "hello"}),
    ("GET", "/v1/posts/{post}", None),
    ("PATCH", "/v1/posts/{post}", {"text": "changed"}),
    ("DELETE", "/v1/posts/{post}", None),
    ("GET", "/v1/users/{me}", None),
    ("GET", "/v1/users/{me}/posts", None),
    ("GET", "/v1/users/{me}/followers", None),
    ("GET", "/v1/users/{me}/followees", None),
    ("POST", "/v1/follow", {"followerId": "{me}", "followeeId": "{other}"}),
    ("DELETE", "/v1/follow?followerId={me}&followeeId={other}", None),
    ("POST", "/v1/comments", {"userId": "{me}", "postId": "{post}", "comment": "hello"}),
    ("GET", "/v1/posts/{post}/comments", None),
    ("GET", "/v1/posts/{post}/likes", None),
    ("POST", "/v1/likes", {"userId": "{me}", "postId": "{post}"}),
    ("DELETE", "/v1/likes?userId={me}&postId={post}", None),
    ("GET", "/v1/feeds/{me}", None),
    ("GET", "/v1/notifications/{me}", None),
    ("GET", "/v1/notifications/{me}/stream", None),
    ("POST", "/v1/notifications/{me}/read", {"upTo": "1"}),
    (
        "POST",
        "/v1/media/uploads",
        {"userId": "{me}", "contentType": "image/jpeg", "sizeBytes": 10},
    ),
]
# What everybody who has a token may do.
FOR_ALL = {
    ("GET", "/v1/posts/{post}"),
    ("GET", "/v1/users/{me}"),
    ("GET", "/v1/users/{me}/posts"),
    ("GET", "/v1/users/{me}/followers"),
    ("GET", "/v1/users/{me}/followees"),
    ("GET", "/v1/posts/{post}/comments"),
    ("GET", "/v1/posts/{post}/likes"),
    ("DELETE", "/v1/tokens"),
}
PUBLIC = {("POST", "/v1/users"), ("POST", "/v1/tokens")}


class World:
    """A server with two users, one post, and tokens of every kind."""

    def __init__(self, server: Serving, folder: Path) -> None:
        self.server = server
        self.me = server.sign_up("me", "my password")
        self.other = server.sign_up("other")
        self.post = server.post(self.me, "mine")
        self.revoked = self._token()
        server.send("DELETE", "/v1/tokens", token=self.revoked)
        self.expired = self._token()
        with sqlite3.connect(folder / "socialfeed.sqlite3") as database:
            database.execute(
                "UPDATE tokens SET expires_at_ms = 1 WHERE digest = ?",
                (token_digest(self.expired),),
            )
        database.close()

    def _token(self) -> str:
        login = {"name": "me", "password": "my password"}
        return str(self.server.send("POST", "/v1/tokens", login).json["token"])

    def send(self, call: tuple[str, str, object], token: str | None) -> Reply:
        method, path, body = call
        filled = json.loads(self._fill(json.dumps(body)))
        return self.server.send(method, self._fill(path), filled, token=token)

    def _fill(self, text: str) -> str:
        text = text.replace("{me}", self.me.user_id).replace("{other}", self.other.user_id)
        return text.replace("{post}", self.post)


@pytest.fixture(scope="module")
def world(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("data")
    with serving(program, folder) as server:
        yield World(server, folder)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} {call[1]}")
@pytest.mark.parametrize("kind", ["no", "forged", "expired", "revoked"])
def test_no_call_is_answered_without_a_good_token(
    world: World, call: tuple[str, str, object], kind: str
) -> None:
    tokens = {"forged": "x" * 43, "expired": world.expired, "revoked": world.revoked}

    reply = world.send(call, tokens.get(kind))

    expect_problem(reply, 401)
    assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "call",
    [call for call in CALLS if call[:2] not in FOR_ALL],
    ids=lambda call: f"{call[0]} {call[1]}",
)
def test_nobody_acts_for_another_user(world: World, call: tuple[str, str, object]) -> None:
    expect_problem(world.send(call, world.other.token), 403)


def test_the_matrix_has_every_call(world: World) -> None:
    paths = world.server.send("GET", "/openapi.json").json["paths"]
    documented = {
        (method.upper(), path)
        for path, methods in paths.items()
        for method in methods
        if path.startswith("/v1")
    }

    tried = {
        (method, path.partition("?")[0].replace("{me}", "{userId}").replace("{post}", "{postId}"))
        for method, path, _ in CALLS
    }
    assert tried | PUBLIC == documented


@pytest.mark.parametrize(
    "request_and_status",
    [
        ("GET", "/v1/users/{me}", None, 200),
        ("GET", "/v1/users/1", None, 404),
        ("POST", "/v1/posts", b"{", 400),
        ("PUT", "/v1/posts", b"{}", 405),
        ("GET", "/docs", None, 200),
        ("GET", "/openapi.json", None, 200),
        ("GET", "/metrics", None, 200),
        ("GET", "/no-such-path", None, 404),
    ],
)
def test_every_answer_has_safe_headers(
    world: World, request_and_status: tuple[str, str, bytes | None, int]
) -> None:
    method, path, body, status = request_and_status
    path = path.replace("{me}", world.me.user_id)

    reply = world.server.send(method, path, body, token=world.me.token)

    assert reply.status == status
    expect_safe_headers(reply.headers, is_private=path.startswith("/v1"))


def test_a_stream_has_safe_headers(world: World) -> None:
    path = f"/v1/notifications/{world.me.user_id}/stream"
    connection = http.client.HTTPConnection("127.0.0.1", world.server.port, timeout=5)
    connection.request("GET", path, headers={"Authorization": f"Bearer {world.me.token}"})
    response = connection.getresponse()
    connection.close()

    assert response.status == 200
    expect_safe_headers(dict(response.headers), is_private=True)


def expect_safe_headers(headers: Mapping[str, str], *, is_private: bool) -> None:
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Request-ID"]
    assert headers["Server"] == "socialfeed"
    assert not is_private or headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Encoding: gzip\r\nContent-Length: 5", b"nogzi"),
        (b"Content-Encoding: deflate\r\nContent-Length: 5", b"nodef"),
    ],
)
def test_a_body_that_cannot_be_decoded_is_400(world: World, headers: bytes, body: bytes) -> None:
    request = head("POST", "/v1/posts", person=world.me)[:-2]
    with connected(world.server) as client:
        client.sendall(request + b"Content-Type: application/json\r\n" + headers)
        client.sendall(b"\r\n\r\n" + body)

        assert client.recv(65_536).startswith(b"HTTP/1.1 400")


def test_a_body_with_thousands_of_unknown_fields_gets_a_short_answer(world: World) -> None:
    body = {"userId": world.me.user_id, "text": "x"} | {f"k{n}": 1 for n in range(80_000)}

    reply = world.server.send("POST", "/v1/posts", body, token=world.me.token)

    expect_problem(reply, 422)
    assert len(reply.body) < 10_000
    assert "and 79980 more" in reply.json["detail"]


def test_the_document_has_no_null_among_the_changes_of_a_post(world: World) -> None:
    schemas = world.server.send("GET", "/openapi.json").json["components"]["schemas"]

    assert "null" not in json.dumps(schemas["PostChanges"])


def test_nobody_follows_themselves(world: World) -> None:
    body = {"followerId": world.me.user_id, "followeeId": world.me.user_id}

    reply = world.server.send("POST", "/v1/follow", body, token=world.me.token)

    expect_problem(reply, 422)
    assert reply.json["errors"][0]["field"] == "followeeId"


def test_an_id_is_written_in_one_way(world: World) -> None:
    reply = world.server.send("GET", f"/v1/posts/0{world.post}", token=world.me.token)

    expect_problem(reply, 404)


@pytest.mark.parametrize("path", ["/v1/posts/1", "/v1/posts/x", "/v1/posts/9" + 40 * "9"])
def test_what_is_not_there_is_404(world: World, path: str) -> None:
    expect_problem(world.server.send("GET", path, token=world.me.token), 404)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=007", "limit"),
        ("limit=many", "limit"),
        ("limit=-1", "limit"),
        ("limit=%D9%A1", "limit"),
        ("cursor=AAAA", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=", "cursor"),
    ],
)
def test_a_wrong_page_is_422_and_names_what_is_wrong(world: World, query: str, field: str) -> None:
    path = f"/v1/feeds/{world.me.user_id}?{query}"

    reply = world.server.send("GET", path, token=world.me.token)

    expect_problem(reply, 422)
    assert reply.json["errors"][0]["field"] == field


def test_a_cursor_is_good_for_its_own_list_only(world: World) -> None:
    for number in range(2):
        world.server.post(world.me, f"post {number}")
    posts = f"/v1/users/{world.me.user_id}/posts?limit=1"
    cursor = world.server.send("GET", posts, token=world.me.token).json["nextCursor"]

    feed = f"/v1/feeds/{world.me.user_id}?cursor={cursor}"

    expect_problem(world.server.send("GET", feed, token=world.me.token), 422)


def bodies(me: Person) -> dict[str, tuple[int, bytes]]:
    """Bodies of a new post that are refused, with the status."""

    def post(**fields: object) -> bytes:
        return json.dumps({"userId": me.user_id, "text": "fuzz", **fields}).encode()

    return {
        "empty": (400, b""),
        "no JSON": (400, b"{"),
        "trailing comma": (400, b'{"userId": "1",}'),
        "not UTF-8": (400, b'{"text": "\xff"}'),
        "NaN": (400, b'{"text": NaN}'),
        "deep": (400, b"[" * 100_000),
        "duplicate keys": (400, post()[:-1] + b', "text": "again"}'),
        "lone surrogate": (400, post().replace(b"fuzz", b"\\ud800")),
        "huge number": (400, b'{"userId": 1' + b"0" * 100_000 + b"}"),
        "an array": (422, b"[]"),
        "null": (422, b"null"),
        "NUL": (422, post(text="fuzz\0")),
        "number for a text": (422, post(text=1)),
        "number for an id": (422, post(userId=1)),
        "64-bit overflow": (422, post(userId=str(2**64))),
        "no user": (422, b'{"text": "fuzz"}'),
        "unknown field": (422, post(likes=1)),
        "empty text": (422, post(text="")),
        "long text": (422, post(text="x" * 100_001)),
        "many hashtags": (422, post(hashtags=["x"] * 31)),
        "long hashtag": (422, post(hashtags=["x" * 101])),
        "text and media": (422, post(mediaUrl="https://cdn.example/a.jpg")),
        "script as URL": (422, post(text=None, mediaUrl="javascript:alert(1)")),
        "foreign media": (422, post(text=None, mediaUrl="https://cdn.example/a.jpg")),
        "description of a text": (422, post(description="x")),
        "10 MB": (413, post(text="x" * 10_000_000)),
    }


@pytest.mark.parametrize("name", bodies(Person("1", "")))
def test_a_bad_body_is_a_problem_and_stores_nothing(world: World, name: str) -> None:
    status, body = bodies(world.me)[name]

    reply = world.server.send("POST", "/v1/posts", body, token=world.me.token)

    expect_problem(reply, status)
    posts = f"/v1/users/{world.me.user_id}/posts"
    items = world.server.send("GET", posts, token=world.me.token).json["items"]
    assert not [item for item in items if "fuzz" in item["text"]]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_415(world: World, content_type: str) -> None:
    reply = world.server.send(
        "POST", "/v1/posts", b"{}", token=world.me.token, headers={"Content-Type": content_type}
    )

    expect_problem(reply, 415)
    assert reply.json["detail"] == (
        f"expected Content-Type: application/json, in UTF-8; found {content_type or 'none'}"
    )


@pytest.mark.parametrize(
    ("asked", "headers", "told"),
    [
        ("GET /v1/no-such", {}, "nothing at /v1/no-such; /openapi.json tells what there is"),
        ("PUT /v1/posts", {}, "expected POST for /v1/posts; found PUT"),
        ("GET /v1/no-such", {"Expect": "cake"}, "expected Expect: 100-continue, or none; found"),
        ("POST /v1/posts", {"Expect": "cake"}, "expected Expect: 100-continue, or none; found"),
        ("POST /v1/posts", {"X": "x" * 9_000}, "longer than 8,190 bytes"),
        ("post /v1/posts", {}, "its method is none that HTTP has, in capitals"),
        ("POST /v1/posts", {"Content-Encoding": "br"}, "gzip or deflate, or none; found br"),
    ],
)
def test_who_asks_for_what_there_is_not_is_told_what_there_is(
    world: World, asked: str, headers: dict[str, str], told: str
) -> None:
    method, path = asked.split()
    reply = world.server.send(method, path, {}, token=world.me.token, headers=headers)

    assert told in reply.json["detail"]


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_too_large_is_told_how_large_it_may_be(
    world: World, *, is_chunked: bool
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", world.server.port, timeout=5)
    headers = {"Authorization": f"Bearer {world.me.token}", "Content-Type": "application/json"}
    parts = [b"x" * 2**16] * 17
    body = iter(parts) if is_chunked else b"".join(parts)
    with closing(connection):
        connection.request("POST", "/v1/posts", body, headers, encode_chunked=is_chunked)
        reply = connection.getresponse()

        assert reply.status == 413
        assert b"expected at most 1,048,576 bytes" in reply.read()


def test_text_is_stored_as_it_is_given(world: World) -> None:
    text = "<script>'\"; DROP TABLE posts; -- \u202e \U0001f600"

    post = world.server.post(world.me, text)

    reply = world.server.send("GET", f"/v1/posts/{post}", token=world.me.token)
    assert reply.json["text"] == text


def test_a_rate_limit_answers_429_with_when_to_come_back(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data", "--rate-limit", "1") as server:
        replies = [server.send("GET", "/v1/users/1") for _ in range(4)]

    expect_problem(replies[-1], 429)
    assert int(replies[-1].headers["Retry-After"]) >= 1


def test_an_open_server_needs_no_token(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data", "--open") as server:
        person = server.sign_up("ada")
        body = {"userId": person.user_id, "text": "hello"}

        assert server.send("POST", "/v1/posts", body).status == 201
        assert server.send("GET", f"/v1/feeds/{person.user_id}").status == 200

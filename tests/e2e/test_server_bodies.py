"""Bodies on the wire: cut in pieces, encoded, too large, never coming."""

import gzip
import json
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.serving import Person, Serving, serving
from tests.e2e.sockets import answer, connected, head

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(program, tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def author(server: Serving) -> Person:
    return server.sign_up("author")


def post(author: Person, text: str = "hello") -> bytes:
    return json.dumps({"userId": author.user_id, "text": text}).encode()


def headers(author: Person | None, *lines: str) -> bytes:
    """Return the headers of a new post."""
    more = "".join(f"{line}\r\n" for line in ("Content-Type: application/json", *lines))
    return head("POST", "/v1/posts", person=author)[:-2] + more.encode() + b"\r\n"


def expect_problem(received: bytes, status: int) -> None:
    start, _, body = received.partition(b"\r\n\r\n")
    assert start.startswith(f"HTTP/1.1 {status} ".encode()), received[:300]
    assert b"application/problem+json" in start
    assert b"X-Request-ID" in start
    assert json.loads(body)["status"] == status


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize(
    "parts",
    [
        [b"ZZ\r\nabc\r\n"],
        [b"-1\r\n"],
        [b"3\r\nabcdef\r\n"],
        [chunk(b'{"userId": "1"'), b"no size\r\n"],
        [chunk(b"{}") + b"0\r\nno trailer\r\n\r\n"],
    ],
    ids=["no size", "negative", "no end", "the second", "the trailer"],
)
def test_a_chunked_body_that_is_none_is_400_at_once(
    server: Serving, author: Person, parts: list[bytes]
) -> None:
    with connected(server) as client:
        client.sendall(headers(author, "Transfer-Encoding: chunked"))
        began_s = time.monotonic()
        for part in parts:
            time.sleep(0.2)
            client.sendall(part)
        received = answer(client)
        took_s = time.monotonic() - began_s

    expect_problem(received, 400)
    assert b"Connection: close" in received
    assert received.count(b"HTTP/1.1") == 1
    assert took_s < 2


def test_a_chunked_body_that_comes_slowly_is_taken(server: Serving, author: Person) -> None:
    body = post(author)
    with connected(server) as client:
        client.sendall(headers(author, "Transfer-Encoding: chunked", "Connection: close"))
        for part in (chunk(body[:9]), chunk(body[9:])[:5], chunk(body[9:])[5:] + b"0\r\n\r\n"):
            time.sleep(0.1)
            client.sendall(part)

        assert answer(client).startswith(b"HTTP/1.1 201")


@pytest.mark.parametrize("encode", [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_body_is_taken_and_one_that_is_cut_short_is_not(
    server: Serving, author: Person, encode: tuple[str, object]
) -> None:
    name, compress = encode
    assert callable(compress)
    body = compress(post(author, "compressed"))

    def sent(body: bytes) -> int:
        encoded = JSON | {"Content-Encoding": name}
        return server.send("POST", "/v1/posts", body, token=author.token, headers=encoded).status

    assert sent(body) == 201
    assert sent(body[:-1]) == 400
    assert sent(body + b"x") == 400
    assert sent(b"not compressed") == 400
    assert sent(compress(post(author, "x" * 3_000_000))) == 413


@pytest.mark.parametrize(
    "given",
    [
        {"Content-Encoding": "zstd"},
        {"Content-Encoding": "br"},
        {"Content-Encoding": "gzip, gzip"},
        {"Content-Encoding": "rot13"},
        {"Content-Type": "application/json; charset=latin-1"},
    ],
    ids=str,
)
def test_an_encoding_that_is_not_taken_is_415(
    server: Serving, author: Person, given: dict[str, str]
) -> None:
    reply = server.send("POST", "/v1/posts", post(author), token=author.token, headers=JSON | given)

    assert reply.status == 415
    assert reply.headers["Content-Type"] == "application/problem+json"


def test_json_in_utf_8_may_say_so(server: Serving, author: Person) -> None:
    said = {"Content-Type": "application/json; charset=UTF-8"}

    reply = server.send("POST", "/v1/posts", post(author), token=author.token, headers=said)

    assert reply.status == 201


@pytest.mark.parametrize("more", [[], ["Expect: 100-continue"]], ids=["", "asked before"])
def test_a_body_that_will_be_too_large_is_refused_by_its_headers(
    server: Serving, author: Person, more: list[str]
) -> None:
    with connected(server) as client:
        client.sendall(headers(author, "Content-Length: 9000000000", *more))

        expect_problem(client.recv(65_536), 413)


def test_who_asks_before_sending_is_asked_to_go_on(server: Serving, author: Person) -> None:
    body = post(author)
    asked = (f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: close")
    with connected(server) as client:
        client.sendall(headers(author, *asked))
        assert client.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)

        assert answer(client).startswith(b"HTTP/1.1 201")


def test_who_asks_before_sending_without_a_token_is_refused_at_once(server: Serving) -> None:
    with connected(server) as client:
        client.sendall(headers(None, "Content-Length: 99", "Expect: 100-continue"))

        expect_problem(client.recv(65_536), 401)


@pytest.mark.parametrize("path", ["/v1/posts", "/nowhere"])
def test_an_unknown_expectation_is_417(server: Serving, author: Person, path: str) -> None:
    start = head("POST", path, person=author, length=9)[:-2]
    with connected(server) as client:
        client.sendall(start + b"Expect: 200-ok\r\n\r\n")

        expect_problem(client.recv(65_536), 417)


def test_bad_bodies_leave_nothing_on_stderr(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data") as server:
        author = server.sign_up("author")
        with connected(server) as client:
            client.sendall(
                headers(author, "Content-Length: 5", "Content-Encoding: gzip") + b"nogzi"
            )
            client.settimeout(5)
            expect_problem(client.recv(65_536), 400)
        with connected(server) as client:
            client.sendall(headers(author, "Transfer-Encoding: chunked"))
            time.sleep(0.2)
            client.sendall(b"ZZ\r\n")
            expect_problem(answer(client), 400)
        with connected(server) as client:
            client.sendall(headers(author, "Content-Length: 50") + b"then it goes")
            client.shutdown(socket.SHUT_RDWR)
        server.stop()
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""

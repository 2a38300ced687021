"""Answers as they go over the wire: which headers, and what becomes of the connection."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.serving import Person, Serving, serving
from tests.e2e.sockets import answer, connected, head


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(program, tmp_path_factory.mktemp("answers") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def person(server: Serving) -> Person:
    return server.sign_up("ada")


def feed(person: Person, *, version: str = "1.1", more: str = "") -> bytes:
    request = head("GET", f"/v1/feeds/{person.user_id}", person=person).decode()
    return (
        request.replace("HTTP/1.1", f"HTTP/{version}")
        .replace("\r\n\r\n", f"\r\n{more}\r\n")
        .encode()
    )


def test_an_answer_has_the_headers_that_problems_have(server: Serving, person: Person) -> None:
    found = server.send("GET", f"/v1/feeds/{person.user_id}", token=person.token)
    problem = server.send("GET", "/v1/feeds/1", token=person.token)

    assert (found.status, problem.status) == (200, 403)
    assert found.headers.keys() == problem.headers.keys()
    alike = found.headers.keys() - {"Content-Type", "Content-Length", "Date", "X-Request-ID"}
    assert {name: found.headers[name] for name in alike} == {
        name: problem.headers[name] for name in alike
    }


def test_an_answer_has_the_length_of_its_body(server: Serving, person: Person) -> None:
    found = server.send("GET", f"/v1/feeds/{person.user_id}", token=person.token)

    assert found.headers["Content-Length"] == str(len(b'{"items":[],"nextCursor":null}'))
    assert found.json == {"items": [], "nextCursor": None}


def test_an_answer_without_a_body_tells_no_length(server: Serving, person: Person) -> None:
    path = f"/v1/likes?userId={person.user_id}&postId=1"

    found = server.send("DELETE", path, token=person.token)

    assert found.status == 204
    assert not found.headers.keys() & {"Content-Length", "Content-Type", "Transfer-Encoding"}


def test_a_client_that_closes_is_told_that_the_connection_does(
    server: Serving, person: Person
) -> None:
    with connected(server) as client:
        client.sendall(feed(person, more="Connection: close\r\n"))
        found = answer(client)

    assert found.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in found
    assert found.endswith(b'{"items":[],"nextCursor":null}')


def test_a_client_of_http_1_0_has_its_answer_and_the_end(server: Serving, person: Person) -> None:
    with connected(server) as client:
        client.sendall(feed(person, version="1.0"))
        found = answer(client)

    assert b"\r\nConnection: close\r\n" in found
    assert found.endswith(b'{"items":[],"nextCursor":null}')


def test_a_client_of_http_1_0_may_keep_its_connection(server: Serving, person: Person) -> None:
    with connected(server) as client:
        client.sendall(feed(person, version="1.0", more="Connection: keep-alive\r\n"))
        first = client.recv(65_536)
        client.sendall(feed(person, version="1.0"))
        last = answer(client)

    assert b"\r\nConnection: keep-alive\r\n" in first
    assert b"\r\nConnection: close\r\n" in last


def test_requests_sent_together_are_answered_in_their_order(
    server: Serving, person: Person
) -> None:
    with connected(server) as client:
        numbered = [feed(person, more=f"X-Request-ID: number-{number}\r\n") for number in range(3)]
        last = feed(person, more="X-Request-ID: last\r\nConnection: close\r\n")
        client.sendall(b"".join([*numbered, last]))
        found = answer(client).decode()

    places = [found.index(f"X-Request-ID: {each}\r\n") for each in ("number-0", "number-1", "last")]
    assert places == sorted(places)
    assert found.count("HTTP/1.1 200 OK\r\n") == len(numbered) + 1

"""Clients that are slow, stop or go in the middle of an upload, and a server that does."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.serving import Person, Serving, serving
from tests.e2e.sockets import answer, connected, eventually, metric
from tests.e2e.uploads import objects, picture, post_media, s3_code, signed, uploaded

CLIENT_S = 1.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(program: Path, folder: Path) -> Iterator[Serving]:
    with serving(program, folder, "--client-timeout", f"{CLIENT_S}s") as server:
        yield server


@pytest.fixture
def owner(server: Serving, request: pytest.FixtureRequest) -> Person:
    return server.sign_up(request.node.name[-60:])


def raw(upload_url: str, *headers: str) -> bytes:
    parts = urlsplit(upload_url)
    lines = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", *headers]
    return "\r\n".join([*lines, "Content-Type: image/jpeg", "If-None-Match: *", "", ""]).encode()


def test_an_upload_that_stops_is_cut_off_and_leaves_nothing(
    server: Serving, owner: Person, folder: Path
) -> None:
    before = objects(folder)
    upload = signed(server, owner, size_bytes=1_000_000, content_type="video/mp4")
    request = raw(upload.url, "Content-Length: 1000000").replace(b"image/jpeg", b"video/mp4")
    video = b"\x00\x00\x00\x20ftypisom" + b"x" * 400_000
    with connected(server) as client:
        client.sendall(request + video)
        started_s = time.monotonic()
        received = answer(client)

    assert received.startswith(b"HTTP/1.1 400")
    assert b"<Code>RequestTimeout</Code>" in received
    assert time.monotonic() - started_s < CLIENT_S + 4
    assert objects(folder) == before


def test_a_slow_upload_that_gets_on_is_taken(server: Serving, owner: Person) -> None:
    data = picture(600, 600, kind="PNG")
    upload = signed(server, owner, size_bytes=len(data), content_type="image/png")
    request = raw(upload.url, f"Content-Length: {len(data)}").replace(b"image/jpeg", b"image/png")
    with connected(server) as client:
        client.sendall(request)
        for start in range(0, len(data), len(data) // 10 + 1):
            client.sendall(data[start : start + len(data) // 10 + 1])
            time.sleep(0.3)
        received = client.recv(65_536)

    assert received.startswith(b"HTTP/1.1 200")


def test_a_client_that_goes_leaves_nothing(server: Serving, owner: Person, folder: Path) -> None:
    before = objects(folder)
    upload = signed(server, owner, size_bytes=1_000_000, content_type="video/mp4")
    request = raw(upload.url, "Content-Length: 1000000").replace(b"image/jpeg", b"video/mp4")
    with connected(server) as client:
        client.sendall(request + b"\x00\x00\x00\x20ftypisom" + b"x" * 600_000)
        eventually(lambda: bool(objects(folder) - before), within_s=5)

    # What is made of earlier uploads is unfinished for a moment, too.
    eventually(lambda: not objects(folder) - before, within_s=5)


def test_a_body_is_asked_for_only_when_it_may_come(server: Serving, owner: Person) -> None:
    data = picture()
    upload = signed(server, owner, size_bytes=len(data))
    request = raw(upload.url, f"Content-Length: {len(data)}", "Expect: 100-continue")
    with connected(server) as client:
        client.sendall(request.replace(b"Signature=", b"Signature=f"))
        assert client.recv(65_536).startswith(b"HTTP/1.1 403")
    with connected(server) as client:
        client.sendall(request)
        assert client.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(data)
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")


def test_an_upload_under_way_is_finished_before_a_graceful_stop(
    program: Path, tmp_path: Path
) -> None:
    folder, data = tmp_path / "data", picture()
    with serving(program, folder) as server:
        ada = server.sign_up("ada")
        upload = signed(server, ada, size_bytes=len(data))
        with connected(server) as client:
            client.sendall(raw(upload.url, f"Content-Length: {len(data)}") + data[:100])
            eventually(lambda: metric(server, "socialfeed_uploads") == 1, within_s=5)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(1.5)
            client.sendall(data[100:])

            assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        assert server.process.wait(timeout=10) == 0
    with serving(program, folder) as server:
        assert post_media(server, ada, urlsplit(upload.media_url).path).status == 201


def test_kill_9_in_the_middle_of_an_upload_leaves_nothing_to_post(
    program: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with serving(program, folder) as server:
        ada = server.sign_up("ada")
        upload = signed(server, ada, size_bytes=1_000_000, content_type="video/mp4")
        request = raw(upload.url, "Content-Length: 1000000").replace(b"image/jpeg", b"video/mp4")
        with connected(server) as client:
            client.sendall(request + b"\x00\x00\x00\x20ftypisom" + b"x" * 600_000)
            eventually(lambda: len(objects(folder)) == 1, within_s=5)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
    with serving(program, folder) as server:
        reply = post_media(server, ada, urlsplit(upload.media_url).path)

        assert (reply.status, reply.json["errors"][0]["message"]) == (422, "it is not uploaded yet")
        assert objects(folder) == set()


def test_an_upload_confirmed_before_kill_9_can_be_posted(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(program, folder) as server:
        ada = server.sign_up("ada")
        media_url = uploaded(server, ada)
        server.process.kill()
        server.process.wait()
    with serving(program, folder) as server:
        assert post_media(server, ada, urlsplit(media_url).path).status == 201


def test_too_many_uploads_at_once_are_told_to_come_back(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data", "--uploads", "1") as server:
        ada = server.sign_up("ada")
        data = picture()
        first, second = (signed(server, ada, size_bytes=len(data)) for _ in range(2))
        with connected(server) as client:
            client.sendall(raw(first.url, f"Content-Length: {len(data)}") + data[:100])
            eventually(lambda: metric(server, "socialfeed_uploads") == 1, within_s=5)

            reply = second.put(data)

            assert (reply.status, s3_code(reply)) == (503, "SlowDown")
            assert reply.headers["Retry-After"] == "1"
            client.sendall(data[100:])
            assert client.recv(65_536).startswith(b"HTTP/1.1 200")
        assert second.put(data).status == 200

"""Waiting for a server to have worked off a load, against one that still refuses."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scenarios.loader import load
from sim.loadtest import settling
from sim.loadtest.bench import ONE_GENERATOR, Bench
from sim.loadtest.cores import Cores
from sim.loadtest.errors import UnreachableError
from sim.loadtest.settling import wait_until_settled
from tests.unit.loadtest.worlds import ring

OBJECTIVES = load().objectives


class _Server(ThreadingHTTPServer):
    refusals = 0


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusals:
            self.server.refusals -= 1
            self._answer(503, {})
        else:
            self._answer(201, {"postId": "7"})

    def do_GET(self) -> None:
        self._answer(200, {"items": [{"postId": "7"}]})

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(*, refusals: int) -> Iterator[Bench]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.refusals = refusals
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        yield Bench(url, ring(), ONE_GENERATOR, None, Cores(frozenset(), frozenset()))
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_that_still_refuses_is_asked_again() -> None:
    made: list[int | None] = []
    with serving(refusals=3) as bench:
        is_settled = wait_until_settled(
            bench, OBJECTIVES, on_post=lambda _, post, *__: made.append(post)
        )

    assert is_settled
    # The oracle is told of all that may have been written.
    assert made == [None, None, None, 7]


def test_a_server_that_never_takes_a_post_has_not_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SETTLED_WITHIN_S", 0.5)
    with serving(refusals=10_000) as bench:
        assert not wait_until_settled(bench, OBJECTIVES)


def test_a_server_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "GONE_AFTER_S", 0.3)
    with serving(refusals=0) as bench:
        pass

    with pytest.raises(UnreachableError):
        wait_until_settled(bench, OBJECTIVES)

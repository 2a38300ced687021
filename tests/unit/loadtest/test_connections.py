"""The driver's HTTP connections, against sockets that answer badly."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent.socket
import pytest

from sim.loadtest.driver.connections import AnswerLateError, Connections, failure_of

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


@contextmanager
def listening(answer: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """Answer one connection in a thread; yields the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1_000)
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def test_an_answer_that_drips_is_given_up_in_time() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(20):
            try:
                connection.sendall(b" ")
            except OSError:
                return
            time.sleep(0.1)

    with listening(drip) as port:
        slow = Connections(f"http://127.0.0.1:{port}", timeout_s=0.4)
        begun_s = time.monotonic()
        with pytest.raises(AnswerLateError) as late:
            slow.ask(REQUEST)

    assert time.monotonic() - begun_s < 1.2
    assert failure_of(late.value) == "timeout"


def test_a_name_is_reached_at_whichever_of_its_addresses_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def say_ok(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with listening(say_ok) as port:
        of_name = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.9", "127.0.0.1")
        ]
        monkeypatch.setattr(gevent.socket, "getaddrinfo", lambda *_, **__: of_name)
        reached = Connections(f"http://of.several.test:{port}", timeout_s=2)
        answer = reached.ask(REQUEST)
        reached.close()

    assert answer.body == b"ok"

"""HTTP/1.1 over connections that are kept: as little work as a request needs."""

import re
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from gevent import socket, ssl

IDLE_S = 15.0
"""A connection that was idle for longer may be closing: it is not used again."""

_PORTS = {"http": 80, "https": 443}
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_BODILESS = (204, 304)
_READ_BYTES = 65_536
_STATUS_ENDS = 12


class AnswerLostError(OSError):
    """The connection ended before the answer did."""

    def __init__(self) -> None:
        super().__init__("the connection was closed before the answer ended")


class AnswerMalformedError(OSError):
    """What came is not HTTP."""

    def __init__(self, *, found: bytes) -> None:
        super().__init__(f"expected HTTP/1 with a length or chunks, found {found[:60]!r}")


class StepRefusedError(OSError):
    """A request of a flow of several was refused, so that the rest was not sent."""

    def __init__(self, *, step: str, answer: "Answer") -> None:
        self.step = step
        self.status = answer.status
        super().__init__(f"{step}: {answer.body.decode(errors='replace')}")


def failure_of(error: OSError) -> str:
    """Return what kept an answer from coming, in a few words that many requests share."""
    match error:
        case StepRefusedError():
            return f"{error.step}: status {error.status}"
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "connection refused"
        case AnswerLostError() | ConnectionError():
            return "connection lost"
        case AnswerMalformedError():
            return "not HTTP"
        case _:
            return f"no connection ({type(error).__name__})"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


class Connections:
    """Sends requests to one server; any number of greenlets at once."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        # Once: each look-up would pass through a pool of threads.
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        self._family: int = found[0][0]
        self._address = found[0][4]
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._idle: list[tuple[socket.socket, float]] = []
        self.authority = parts.netloc.rpartition("@")[2]

    def ask(self, request: bytes) -> Answer:
        """Send a whole request, and return the whole answer.

        Raises:
            TimeoutError: if nothing comes for as long as a client waits.
            OSError: if there is no connection, it is lost, or what comes is not HTTP.
        """
        connection = self._connection()
        try:
            connection.sendall(request)
            answer, is_kept = _read(connection)
        except BaseException:
            connection.close()
            raise
        if is_kept:
            self._idle.append((connection, time.monotonic()))
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop()[0].close()

    def _connection(self) -> socket.socket:
        if self._idle:
            connection, since_s = self._idle.pop()
            if time.monotonic() - since_s < IDLE_S:
                return connection
            connection.close()
            # The others have been idle for longer: the last one used is on top.
            self.close()
        return self._connected()

    def _connected(self) -> socket.socket:
        connection = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            connection.settimeout(self._timeout_s)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.connect(self._address)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            connection.close()
            raise
        return connection


def _read(connection: socket.socket) -> tuple[Answer, bool]:
    """Return the answer, and whether the connection can be used again."""
    data = bytearray()
    while (end := data.find(b"\r\n\r\n")) < 0:
        _receive(connection, data)
    head, body = bytes(data[: end + 2]), data[end + 4 :]
    if not head.startswith(b"HTTP/1.") or not head[9:_STATUS_ENDS].isdigit():
        raise AnswerMalformedError(found=head)
    status = int(head[9:_STATUS_ENDS])
    is_kept = _CLOSE.search(head) is None
    if status in _BODILESS:
        return Answer(status, b""), is_kept
    length = _LENGTH.search(head)
    if length is not None:
        while len(body) < int(length[1]):
            _receive(connection, body)
        return Answer(status, bytes(body)), is_kept
    if _CHUNKED.search(head) is None:
        raise AnswerMalformedError(found=head)
    return Answer(status, _unchunked(connection, body)), is_kept


def _receive(connection: socket.socket, data: bytearray) -> None:
    received = connection.recv(_READ_BYTES)
    if not received:
        raise AnswerLostError
    data += received


def _unchunked(connection: socket.socket, data: bytearray) -> bytes:
    body = bytearray()
    while True:
        while (end := data.find(b"\r\n")) < 0:
            _receive(connection, data)
        size = int(data[:end].partition(b";")[0], 16)
        while len(data) < end + 2 + size + 2:
            _receive(connection, data)
        body += data[end + 2 : end + 2 + size]
        del data[: end + 2 + size + 2]
        if not size:
            return bytes(body)

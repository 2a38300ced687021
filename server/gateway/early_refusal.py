"""Refusals that cost next to nothing: of calls before they are parsed, of whole connections."""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import cast

from server.gateway.problems import RETRY_AFTER_S, problem_body
from server.gateway.whole_request import HEADERS_END

_CALLS = (b"GET /v1/", b"POST /v1/", b"PATCH /v1/", b"DELETE /v1/")
_VERSION = b" HTTP/1.1"
# Refused connections that are still told so: past this they are closed without a word.
REFUSALS_AT_ONCE = 100
REFUSAL_S = 1.0


def is_one_whole_call(data: bytes) -> bool:
    """Whether these bytes are one call of the API from its first byte to its last.

    Anything else has to be parsed to be answered, or must never be refused: health, metrics.
    """
    head, end, body = data.partition(HEADERS_END)
    line, _, headers = head.partition(b"\r\n")
    if not (end and line.startswith(_CALLS) and line.endswith(_VERSION)):
        return False
    headers = b"\r\n" + headers.lower() + b"\r\n"
    if b"\r\nconnection:" in headers:
        headers = headers.replace(b"\r\nconnection: keep-alive\r\n", b"\r\n")
        if b"\r\nconnection:" in headers:
            return False
    if b"\r\ntransfer-encoding:" in headers:
        return False
    _, named, length = headers.partition(b"\r\ncontent-length:")
    if not named:
        return not body
    length = length.partition(b"\r\n")[0].strip()
    return length.isdigit() and len(body) == int(length)


def refusal(detail: str, *, closes: bool) -> bytes:
    """Return a whole response: come back later."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    body = problem_body(status, detail)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Server: socialfeed\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"Retry-After: {RETRY_AFTER_S}\r\n"
    )
    if closes:
        head += "Connection: close\r\n"
    return f"{head}\r\n".encode() + body


BUSY = refusal("api_gateway is overloaded; try again in a moment", closes=False)
_FULL = refusal("too many connections are open; try again in a moment", closes=True)


class Refusals:
    """Tells the clients of refused connections to come back later; a bounded number at once."""

    def __init__(self) -> None:
        self.under_way = 0

    def protocol(self) -> asyncio.Protocol:
        """Return the protocol of a connection that is refused."""
        return _Refused(self)


class _Refused(asyncio.Protocol):
    """Does not read what the client wants."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        if self._refusals.under_way >= REFUSALS_AT_ONCE:
            transport.abort()
            return
        self._refusals.under_way += 1
        transport.write(_FULL)
        # Closed for writing only: closed altogether, the client's own bytes would be answered with
        # a reset, which can overtake the answer. It may have gone already.
        with suppress(OSError):
            transport.write_eof()
        self._end = asyncio.get_running_loop().call_later(REFUSAL_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._end:
            self._end.cancel()
            self._refusals.under_way -= 1

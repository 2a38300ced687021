"""Answers of the API: their headers hardly differ, so each is written whole, mostly ready-made."""

from functools import cache
from http import HTTPStatus

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time

from server.gateway.exchange import EXCHANGE

# Which versions run is nobody's business.
SERVER = "socialfeed"
# Answers with data: nothing of them is a page, so nothing in them may run or be framed.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
NO_SNIFFING = "nosniff"
NOT_STORED = "no-store"
# To copy a body behind its head is cheaper than to write twice, up to a size.
COPIED_BYTES = 32_768


class WholeResponse(web.StreamResponse):
    """A status, JSON or no body, and what headers `add_header` was told.

    aiohttp's own response gathers headers in a mapping, completes them and writes them out again,
    which takes half as long as all the rest that it does for a request.
    """

    def __init__(self, status: int, body: bytes | None) -> None:
        super().__init__(status=status)
        self._whole_body = body
        self._more_headers = ""
        self._is_last: bool | None = None
        self._is_sent = False

    @property
    def prepared(self) -> bool:
        """Whether it was sent."""
        return self._is_sent

    @property
    def is_short(self) -> bool:
        """Whether its body is better copied behind its head."""
        return len(self._whole_body or b"") < COPIED_BYTES

    @property  # type: ignore[misc]  # aiohttp's can be set
    def content_length(self) -> int | None:
        """How many bytes the body has."""
        return len(self._whole_body or b"")

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays; None while only the request would tell."""
        return None if self._is_last is None else not self._is_last

    def force_close(self) -> None:
        """Have this be the connection's last answer."""
        self._is_last = True

    def add_header(self, name: str, value: str) -> None:
        """Add a header that few answers have; `value` holds nothing that a client has sent."""
        self._more_headers += f"{name}: {value}\r\n"

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send all of it."""
        if not self._is_sent:
            self._is_sent = True
            if self._is_last is None:
                self._is_last = not request.keep_alive
            head = self._head(request)
            is_wanted = request.method != hdrs.METH_HEAD
            body = (self._whole_body or b"") if is_wanted else b""
            if self.is_short:
                await request.writer.write_eof(head + body)
            else:
                # One system call all the same: uvloop sends what was written in one turn at once.
                await request.writer.write(head)
                await request.writer.write_eof(body)
        return None

    def whole(self, request: web.BaseRequest) -> bytes:
        """Return all of it, for who sends it himself; the connection stays."""
        self._is_sent = True
        self._is_last = False
        return self._head(request) + (self._whole_body or b"")

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: it was sent whole."""

    def _ready_made(self) -> str:
        return _start(self.status, has_body=self._whole_body is not None)

    def _head(self, request: web.BaseRequest) -> bytes:
        more = self._more_headers
        if self._is_last:
            more += "Connection: close\r\n"
        elif request.version < HttpVersion11:
            more += "Connection: keep-alive\r\n"
        if self._whole_body is not None:
            more += f"Content-Length: {len(self._whole_body)}\r\n"
        return (
            f"{self._ready_made()}"
            f"Date: {rfc822_formatted_time()}\r\n"
            f"X-Request-ID: {request[EXCHANGE].request_id}\r\n"
            f"{more}\r\n"
        ).encode("ascii")


@cache
def _start(status: int, *, has_body: bool) -> str:
    """Return what all answers of a status begin with."""
    content_type = "Content-Type: application/json\r\n" if has_body else ""
    return (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"{content_type}"
        f"Server: {SERVER}\r\n"
        f"X-Content-Type-Options: {NO_SNIFFING}\r\n"
        f"Content-Security-Policy: {DATA_POLICY}\r\n"
        f"Cache-Control: {NOT_STORED}\r\n"
    )

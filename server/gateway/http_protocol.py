"""HTTP as aiohttp speaks it, but for what it says of requests that it cannot read."""

import asyncio
from http import HTTPStatus
from typing import Any, cast

from aiohttp import hdrs, web
from aiohttp.http_exceptions import BadHttpMethod, LineTooLong

from server.gateway.envelope import Envelope
from server.gateway.problems import problem
from server.gateway.request_connection import connection_of

_NEVER_S = 1e9

_DETAIL = "the request is not HTTP/1.1 as this server reads it"
# What the parser tells apart, and all else, without anything of what the client has sent.
_PROBLEMS: dict[type[BaseException | None], str] = {
    BadHttpMethod: "its method is none that HTTP has, in capitals; TLS is not spoken here",
    LineTooLong: "its first line, or a header, is longer than 8,190 bytes",
}
_OTHER_PROBLEM = (
    "its target or a header is malformed, or a header is there twice, or not, that is to be there"
    " once"
)


class HttpProtocol(web.RequestHandler):
    """One connection, on which errors below the application are problem documents too."""

    __slots__ = ("_envelope",)

    def __init__(self, server: web.Server, envelope: Envelope, *, lingering_s: float) -> None:
        """`lingering_s`: to read what is left of a body."""
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=cast("Any", None),
            # A connection is closed by who knows of all its requests, also of those not met here.
            keepalive_timeout=_NEVER_S,
            lingering_time=lingering_s,
            # Bodies are decoded by the gateway, to a limit.
            auto_decompress=False,
        )
        self._envelope = envelope

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer to its end; then the next request may come."""
        sent = await super().finish_response(request, resp, start_time)
        connection = connection_of(request)
        if connection:
            connection.end_request(body_bytes=_body_bytes(request))
        return sent

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return a problem document; nothing of what the client has sent, and no traceback."""
        del message
        if request.writer.output_size > 0:
            # An answer has begun: the connection is all that can be ended.
            raise ConnectionError from exc
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            context = {"message": "a request failed below the application", "exception": exc}
            asyncio.get_running_loop().call_exception_handler(context)
            response = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a bug in the server")
        else:
            what = _PROBLEMS.get(type(exc), _OTHER_PROBLEM)
            response = problem(HTTPStatus(status), f"{_DETAIL}: {what}")
        self._envelope.put_around(request, response)
        response.force_close()
        return response


def _body_bytes(request: web.BaseRequest) -> int | None:
    """Return how long the body was that was read to its end; None if nobody knows."""
    if not request.content.is_eof() or hdrs.TRANSFER_ENCODING in request.headers:
        return None
    return request.content_length or 0

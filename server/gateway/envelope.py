"""What every response carries, whatever it is: a request id, safe headers, a line in the log."""

import json
import re
import time
from collections.abc import Callable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import istr

from server.gateway.connections import connection_of
from server.gateway.gateway import CALLER_ID
from server.gateway.problems import problem_for

_ID = "request_id"
# Names of headers made once: to fold the case of a name takes as long as to set it.
_REQUEST_ID = istr("X-Request-ID")
_NO_SNIFFING = istr("X-Content-Type-Options")
_POLICY = istr("Content-Security-Policy")
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Answers with data: nothing of them is a page, so nothing in them may run or be framed.
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"

AccessLog = Callable[[str], None]
# Takes method, route and status of a request that was answered.
Answered = Callable[[str, str, int], None]


class Envelope:
    """Goes around the answering of every request, outermost."""

    def __init__(
        self,
        *,
        request_id: Callable[[], str],
        answered: Answered,
        access_log: AccessLog | None,
    ) -> None:
        """`access_log` takes one JSON line for a request."""
        self._request_id = request_id
        self._answered = answered
        self._access_log = access_log

    async def around(
        self, request: web.Request, handler: Handler, *, route: str | None
    ) -> web.StreamResponse:
        """Answer as the handler does, or with a problem document for an error.

        `route` is the pattern of the path, if it has one.
        """
        started_s = time.perf_counter()
        request[_ID] = _given_id(request) or self._request_id()
        connection = connection_of(request)
        if connection:
            connection.begin_request()
        try:
            response = await handler(request)
        except Exception as error:  # noqa: BLE001 - the boundary: every error is told and answered
            response = problem_for(error, request)
        finally:
            if connection:
                connection.end_request()
        # A client may call its method what it likes: only those of routes are told.
        self._answered(request.method if route else "", route or "", response.status)
        if self._access_log:
            duration_s = time.perf_counter() - started_s
            self._access_log(_line(request, response, route=route, duration_s=duration_s))
        return response

    @property
    def middleware(self) -> Middleware:
        """The same for what aiohttp's application routes."""

        @web.middleware
        async def envelope(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self.around(request, handler, route=_route(request))

        return envelope


def seal(request: web.Request, response: web.StreamResponse) -> None:
    """Put on the headers that every response has; to be called before it is sent."""
    headers = response.headers
    headers[_REQUEST_ID] = request[_ID]
    # Which versions run is nobody's business.
    headers[hdrs.SERVER] = "socialfeed"
    headers[_NO_SNIFFING] = "nosniff"
    headers.setdefault(_POLICY, _DATA_POLICY)
    if request.raw_path.startswith("/v1") or request.path.startswith("/v1"):
        headers[hdrs.CACHE_CONTROL] = "no-store"


def _given_id(request: web.Request) -> str | None:
    given = request.headers.get(_REQUEST_ID)
    return given if given and _GIVEN_ID.fullmatch(given) else None


def _route(request: web.Request) -> str | None:
    """Return the pattern of the path; None if no route has it."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else None


def _line(
    request: web.Request, response: web.StreamResponse, *, route: str | None, duration_s: float
) -> str:
    """Return a line of the log: nothing in it that a user has written, no path, no query."""
    user_id = request.get(CALLER_ID)
    return json.dumps(
        {
            "requestId": request[_ID],
            "remote": request.remote,
            "method": request.method,
            "route": route,
            "status": response.status,
            "durationS": round(duration_s, 6),
            "userId": None if user_id is None else str(user_id),
            # Of the body; null for a stream.
            "bytes": response.content_length,
        }
    )

"""What every response carries, whatever it is: a request id, safe headers, a line in the log."""

import json
import math
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVarTuple

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import istr

from server.gateway.exchange import EXCHANGE, Exchange
from server.gateway.problems import problem_for
from server.gateway.request_connection import connection_of
from server.gateway.whole_response import (
    DATA_POLICY,
    NO_SNIFFING,
    NOT_STORED,
    SERVER,
    WholeResponse,
)
from server.model.ids import timestamp_at
from server.ports.telemetry import timings_of

# Names of headers made once: to fold the case of a name takes as long as to set it.
_REQUEST_ID = istr("X-Request-ID")
_CONTENT_TYPE_OPTIONS = istr("X-Content-Type-Options")
_POLICY = istr("Content-Security-Policy")
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

Given = TypeVarTuple("Given")
Log = Callable[[str], None]
# Takes method, route and status of a request that was answered.
Answered = Callable[[str, str, int], None]


@dataclass(frozen=True, slots=True)
class Logs:
    """Where lines about requests go, each a JSON object.

    Attributes:
        access: takes a line for each request; None for no such log.
        slow: takes a line for each request that took `slow_s`, with what each box took, the boxes
            inside it included; in the order in which they ended.
        dropped: returns how many lines were not written.
    """

    access: Log | None = None
    slow: Log | None = None
    slow_s: float = 1.0
    dropped: Callable[[], int] = lambda: 0


class Envelope:
    """Goes around the answering of every request, outermost."""

    def __init__(
        self,
        *,
        request_id: Callable[[], str],
        answered: Answered,
        logs: Logs,
        now_ms: Callable[[], int],
    ) -> None:
        """`now_ms` tells the time of what is in the logs."""
        self._request_id = request_id
        self._answered = answered
        self._logs = logs
        self._now_ms = now_ms
        # Most requests are in no log: they do not ask at each.
        logs_from_s = logs.slow_s if logs.slow else math.inf
        self._logged_from_s = 0.0 if logs.access else logs_from_s

    async def around(
        self,
        request: web.Request,
        handler: Callable[[web.Request, *Given], Awaitable[web.StreamResponse]],
        *given: *Given,
        route: str | None,
    ) -> web.StreamResponse:
        """Answer as the handler does, or with a problem document for an error.

        Args:
            request: what was sent.
            handler: makes the answer.
            given: what it takes beside the request.
            route: the pattern of the path, if it has one.
        """
        started_s = self._begin(request)
        connection = connection_of(request)
        if connection:
            connection.begin_request()
        try:
            response = await handler(request, *given)
        except Exception as error:  # noqa: BLE001 - the boundary: every error is told and answered
            response = problem_for(error, request)
        self._end(request, response, route=route, started_s=started_s)
        return response

    def around_at_hand(
        self,
        request: web.Request,
        find: Callable[[web.Request, *Given], WholeResponse | None],
        *given: *Given,
        route: str,
    ) -> WholeResponse | None:
        """Do the same without waiting; None, if the answer is not at hand."""
        started_s = self._begin(request)
        response = find(request, *given)
        if response:
            self._end(request, response, route=route, started_s=started_s)
        return response

    def _begin(self, request: web.Request) -> float:
        request[EXCHANGE] = Exchange(_given_id(request) or self._request_id())
        return time.perf_counter()

    def _end(
        self,
        request: web.Request,
        response: web.StreamResponse,
        *,
        route: str | None,
        started_s: float,
    ) -> None:
        # A client may call its method what it likes: only those of routes are told.
        self._answered(request.method if route else "", route or "", response.status)
        duration_s = time.perf_counter() - started_s
        if duration_s >= self._logged_from_s:
            self._log(request, response, route=route, duration_s=duration_s)

    def _log(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        *,
        route: str | None,
        duration_s: float,
    ) -> None:
        logs = self._logs
        # A stream is as slow as its reader stays.
        is_slow = duration_s >= logs.slow_s and response.content_length is not None
        entry = {
            "time": timestamp_at(self._now_ms()),
            **_entry(request, response, route=route, duration_s=duration_s),
        }
        if logs.access:
            logs.access(json.dumps(entry))
        if is_slow and logs.slow:
            timings = timings_of(request[EXCHANGE].visits)
            boxes = [{timing.box: round(timing.duration_s, 6)} for timing in timings]
            logs.slow(json.dumps({"slow": True, **entry, "boxesS": boxes}))

    def put_around(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Do the same for the answer to what could not be read as a request."""
        request[EXCHANGE] = Exchange(self._request_id())
        self._answered("", "", response.status)
        if self._logs.access:
            self._log(request, response, route=None, duration_s=0.0)
        seal(request, response)

    @property
    def middleware(self) -> Middleware:
        """The same for what aiohttp's application routes."""

        @web.middleware
        async def envelope(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self.around(request, handler, route=_route(request))

        return envelope


def seal(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Put on the headers that every response has; to be called before it is sent."""
    if isinstance(response, WholeResponse):
        # It has them.
        return
    headers = response.headers
    headers[_REQUEST_ID] = request[EXCHANGE].request_id
    headers[hdrs.SERVER] = SERVER
    headers[_CONTENT_TYPE_OPTIONS] = NO_SNIFFING
    headers.setdefault(_POLICY, DATA_POLICY)
    if request.raw_path.startswith("/v1") or request.path.startswith("/v1"):
        headers[hdrs.CACHE_CONTROL] = NOT_STORED


def _given_id(request: web.Request) -> str | None:
    given = request.headers.get(_REQUEST_ID)
    return given if given and _GIVEN_ID.fullmatch(given) else None


def _route(request: web.Request) -> str | None:
    """Return the pattern of the path; None if no route has it."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else None


def _entry(
    request: web.BaseRequest,
    response: web.StreamResponse,
    *,
    route: str | None,
    duration_s: float,
) -> dict[str, object]:
    """Return an entry of a log: nothing in it that a user has written, no path, no query."""
    exchange = request[EXCHANGE]
    user_id = exchange.caller_id
    return {
        "requestId": exchange.request_id,
        "remote": request.remote,
        "method": request.method,
        "route": route,
        "status": response.status,
        "durationS": round(duration_s, 6),
        "userId": None if user_id is None else str(user_id),
        # Of the body; null for a stream.
        "bytes": response.content_length,
    }

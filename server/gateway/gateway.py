"""The api gateway: every request passes here on its way to a box, and is checked."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson
from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler

from server.errors import NotAuthenticatedError, OverloadedError
from server.gateway.calls import Answer, Call, Incoming
from server.gateway.cursors import Cursors
from server.gateway.idempotency import Idempotency, KeyedRequest
from server.gateway.parsing import MalformedBodyError
from server.gateway.rate_limit import RateLimit
from server.gateway.timing import Timings, server_timing
from server.limits import Limits
from server.model.ids import IdGenerator
from server.ports.telemetry import Telemetry
from server.services.accounts import Accounts

BOX = "api_gateway"
# Where a request notes whose it is, for the access log.
CALLER_ID = "caller_id"


class GatewayTelemetry(Telemetry, Timings, Protocol):
    """What the gateway tells, and asks for `Server-Timing`."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What the gateway lets through.

    Attributes:
        is_open: whether no call needs a token.
        rate_per_s: requests a second of one user or one address; 0 for no limit.
        shows_timing: whether answers tell the time of each box (`Server-Timing`), and tasks are
            metered for it.
    """

    is_open: bool = False
    rate_per_s: float = 0.0
    shows_timing: bool = False


class Gateway:
    """Checks a request, hands it to the call's box, and makes the answer a response."""

    def __init__(  # noqa: PLR0913 - what it is made of, each by name
        self,
        *,
        settings: GatewaySettings,
        limits: Limits,
        queued_events: Callable[[], int],
        accounts: Accounts,
        cursors: Cursors,
        idempotency: Idempotency,
        ids: IdGenerator,
        telemetry: GatewayTelemetry,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._queued_events = queued_events
        self._accounts = accounts
        self._cursors = cursors
        self._idempotency = idempotency
        self._ids = ids
        self._telemetry = telemetry
        self._rate_limit = RateLimit(rate_per_s=settings.rate_per_s, monotonic_s=monotonic_s)
        self._in_progress = 0

    @property
    def in_progress(self) -> int:
        """How many requests are in progress, streams not counted."""
        return self._in_progress

    def routes(self, calls: Sequence[Call]) -> Sequence[web.RouteDef]:
        """Return the routes of calls."""
        return [web.route(call.method, call.path, self._handler(call)) for call in calls]

    def _handler(self, call: Call) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            # A stream is counted by its box, since it stays for as long as its reader.
            if call.media_type != "application/json":
                return await self._admitted(call, request)
            self._expect_room(call)
            self._in_progress += 1
            try:
                if self._settings.shows_timing:
                    return await self._timed(call, request)
                return await self._admitted(call, request)
            finally:
                self._in_progress -= 1

        return handle

    async def _timed(self, call: Call, request: web.Request) -> web.StreamResponse:
        with self._telemetry.timings() as timings:
            response = await self._admitted(call, request)
        response.headers["Server-Timing"] = server_timing(timings)
        return response

    def _expect_room(self, call: Call) -> None:
        if self._in_progress >= self._limits.requests_at_once:
            raise OverloadedError(box=BOX)
        if call.queues_events and self._queued_events() >= self._limits.queued_events:
            raise OverloadedError(box="message_queue")

    async def _admitted(self, call: Call, request: web.Request) -> web.StreamResponse:
        with self._telemetry.span(BOX):
            self._rate_limit.take(request.remote)
            token, caller_id = await self._caller(call, request)
            if caller_id is not None:
                request[CALLER_ID] = caller_id
                self._rate_limit.take(caller_id)
            raw_body = await _body(call, request, within_s=self._limits.client_s)

            requested = _Requested(request, caller_id, token, raw_body)
            key = request.headers.get("Idempotency-Key")
            if call.method == "POST" and key is not None:
                return _response(await self._once(call, requested, key))
            answer = await self._serve(call, requested, self._ids.new())
        return answer if isinstance(answer, web.StreamResponse) else _response(answer)

    async def _serve(
        self, call: Call, requested: "_Requested", fresh_id: int
    ) -> Answer | web.StreamResponse:
        incoming = Incoming(
            requested.request,
            caller_id=requested.caller_id,
            token=requested.token,
            raw_body=requested.raw_body,
            cursors=self._cursors,
            fresh_id=fresh_id,
        )
        with self._telemetry.span(call.box):
            return await call.serve(incoming)

    async def _once(self, call: Call, requested: "_Requested", key: str) -> Answer:
        async def serve(fresh_id: int) -> Answer:
            answer = await self._serve(call, requested, fresh_id)
            # No POST answers a stream.
            assert isinstance(answer, Answer)  # noqa: S101 - for the type checker
            return answer

        keyed = KeyedRequest(
            scope=str(requested.caller_id),
            key=key,
            content=f"{call.method} {requested.request.path}\n".encode() + requested.raw_body,
            fresh_id=self._ids.new(),
            is_secret=call.is_public,
        )
        return await self._idempotency.once(keyed, serve)

    async def _caller(self, call: Call, request: web.Request) -> tuple[str, int | None]:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if call.is_public or self._settings.is_open:
            return token, None
        if scheme.lower() != "bearer" or not token:
            raise NotAuthenticatedError(reason="expected the header Authorization: Bearer TOKEN")
        return token, await self._accounts.user_of(token)


@dataclass(frozen=True, slots=True)
class _Requested:
    request: web.Request
    caller_id: int | None
    token: str
    raw_body: bytes


async def _body(call: Call, request: web.Request, *, within_s: float) -> bytes:
    if call.body is None:
        return b""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        async with asyncio.timeout(within_s):
            return await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except (ConnectionError, HttpProcessingError, web.RequestPayloadError) as error:
        # Cut short, or not in the encoding that its headers tell.
        raise MalformedBodyError(reason="it cannot be read to its end") from error


def _response(answer: Answer) -> web.Response:
    headers = {}
    if answer.location:
        headers["Location"] = answer.location
    if answer.document is None:
        return web.Response(status=answer.status, headers=headers)
    headers["Content-Type"] = "application/json"
    return web.Response(status=answer.status, headers=headers, body=orjson.dumps(answer.document))

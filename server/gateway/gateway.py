"""The api gateway: every request passes here on its way to a box, and is checked."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from server.errors import NotAuthenticatedError, OverloadedError, RequestError
from server.gateway.body_reading import read_body
from server.gateway.calls import NO_ID, Answer, Call, Incoming, credentials
from server.gateway.cursors import Cursors
from server.gateway.exchange import EXCHANGE
from server.gateway.idempotency import Idempotency, KeyedRequest
from server.gateway.origins import expect_local
from server.gateway.rate_limit import RateLimit
from server.gateway.routing import Router
from server.gateway.timing import Timings, server_timing
from server.gateway.whole_response import WholeResponse
from server.limits import Limits
from server.model.ids import IdGenerator
from server.ports.telemetry import Telemetry, Timed
from server.services.accounts import Accounts

BOX = "api_gateway"


class ServeRequest(Protocol):
    """Answers the requests for one call."""

    def __call__(
        self, request: web.Request, parameters: Mapping[str, str], /
    ) -> Awaitable[web.StreamResponse]:
        """Answer a request; `parameters` are those in its path."""
        ...


AnswerAtHand = Callable[[web.Request, Mapping[str, str]], WholeResponse | None]


class GatewayTelemetry(Telemetry, Timings, Protocol):
    """What the gateway tells, and asks for `Server-Timing`."""


@dataclass(frozen=True, slots=True)
class Served:
    """How requests for a path are answered.

    Attributes:
        serve: answers a request.
        at_hand: answers it without waiting; None for what is to be served: what is not at hand,
            what is long, and what is refused. Then neither an answer nor a visit has been counted.
        is_call: whether it is a call of the API: its answer is short, and waited for at the end.
    """

    serve: ServeRequest
    at_hand: AnswerAtHand | None = None
    is_call: bool = False


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What the gateway lets through.

    Attributes:
        is_open: whether no call needs a token.
        own_name: the host that the server listens on: without tokens, requests are for it, or for
            another name of this machine.
        rate_per_s: requests a second of one user or one address; 0 for no limit.
        shows_timing: whether answers tell the time of each box (`Server-Timing`), and tasks are
            metered for it.
    """

    is_open: bool = False
    own_name: str = ""
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
        # Of reads, and of writes: when one store does not get on, the other's requests go on.
        self._in_progress = {"GET": 0, "POST": 0}
        # Whose bodies are on their way.
        self._arriving = 0

    @property
    def in_progress(self) -> int:
        """How many requests are in progress, streams not counted."""
        return sum(self._in_progress.values()) + self._arriving

    def routes(self, calls: Sequence[Call]) -> Sequence[web.RouteDef]:
        """Return the routes of calls for aiohttp's application."""
        return [web.route(call.method, call.path, self._handler(call)) for call in calls]

    def router(self, calls: Sequence[Call], others: Mapping[str, ServeRequest]) -> Router[Served]:
        """Return the same calls for the front door, but for streams, which are rare and stay.

        `others` are GETs that are for no call, by their patterns (see `Router.add_rest`).
        """
        router: Router[Served] = Router()
        for call in calls:
            if not call.is_stream:
                at_hand = self._answering_at_hand(call, call.at_hand) if call.at_hand else None
                served = Served(partial(self._serve, call), at_hand, is_call=True)
                router.add(call.method, call.path, served)
        for pattern, serve in others.items():
            router.add_rest("GET", pattern, Served(self._admitting(serve)))
        return router

    def admit(self, request: web.Request) -> None:
        """Let a request pass, whatever it is for.

        Raises:
            TooManyRequestsError: past the rate limit of its address.
            ForeignOriginError: if nobody needs a token, and it is not of this machine.
        """
        self._expect_known_origin(request)
        if self._settings.rate_per_s:
            self._rate_limit.take(request.remote)

    def _expect_known_origin(self, request: web.Request) -> None:
        if self._settings.is_open:
            expect_local(request, own_name=self._settings.own_name)

    def _counts_for(self, request: web.Request, caller_id: int | None) -> Sequence[Hashable]:
        """Return the keys of the rate limits that a request counts for."""
        if not self._settings.rate_per_s:
            return ()
        return (request.remote,) if caller_id is None else (request.remote, caller_id)

    def _admitting(self, serve: ServeRequest) -> ServeRequest:
        async def admitted(
            request: web.Request, parameters: Mapping[str, str]
        ) -> web.StreamResponse:
            self.admit(request)
            return await serve(request, parameters)

        return admitted

    def _handler(self, call: Call) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._serve(call, request, request.match_info)

        return handle

    async def _serve(
        self, call: Call, request: web.Request, parameters: Mapping[str, str]
    ) -> web.StreamResponse:
        kind = _kind(call)
        # A stream is counted by its box, since it stays for as long as its reader.
        place = 0 if call.is_stream else 1
        visits: Sequence[Timed] = ()
        if place:
            self._expect_room(call, kind)
            request[EXCHANGE].visits = visits = self._telemetry.collect_visits()
        self._in_progress[kind] += place
        try:
            with self._telemetry.span(BOX) as visit:
                self.admit(request)
                caller_id = await self._caller(request) if self._needs_token(call) else None
                is_post = call.method == "POST"
                body = await self._body(call, request) if call.body else b""
                fresh_id = self._ids.new() if is_post else NO_ID
                incoming = Incoming(request, parameters, caller_id, body, self._cursors, fresh_id)
                answer: Answer | web.StreamResponse
                if is_post and (key := request.headers.get("Idempotency-Key")) is not None:
                    answer = await self._once(call, incoming, key)
                else:
                    visit.on_to(call.box)
                    answer = await call.serve(incoming)
        finally:
            self._in_progress[kind] -= place
        if isinstance(answer, web.StreamResponse):
            return answer
        response = _response(answer)
        if self._settings.shows_timing:
            response.add_header("Server-Timing", server_timing(visits))
        return response

    def _expect_room(self, call: Call, kind: str) -> None:
        if self._in_progress[kind] >= self._limits.requests_at_once:
            raise OverloadedError(box=BOX)
        if call.queues_events and self._queued_events() >= self._limits.queued_events:
            raise OverloadedError(box="message_queue")

    def _answering_at_hand(
        self, call: Call, find: Callable[[Incoming], Answer | None]
    ) -> AnswerAtHand:
        """Return what answers a call without waiting, with what `find` finds."""
        stopwatch = self._telemetry.stopwatch(BOX, call.box)
        kind = _kind(call)
        caller = self._known_caller if self._needs_token(call) else _nobody

        def at_hand(request: web.Request, parameters: Mapping[str, str]) -> WholeResponse | None:
            if self._in_progress[kind] >= self._limits.requests_at_once:
                return None
            response = None
            counted: Sequence[Hashable] = ()
            started_s = lap_s = stopwatch.start()
            try:
                self._expect_known_origin(request)
                caller_id = caller(request)
                counted = self._counts_for(request, caller_id)
                if self._rate_limit.would_pass(*counted):
                    lap_s = stopwatch.lap()
                    incoming = Incoming(request, parameters, caller_id, b"", self._cursors, NO_ID)
                    response = _short(find(incoming))
            except RequestError:
                # It is told on the usual way.
                response = None
            except Exception as error:  # noqa: BLE001 - a bug: the usual way may be without it
                self._telemetry.failed(call.box, error)
                _have_in_log(f"{call.method} {call.path} at hand has failed", error)
            if response is None:
                stopwatch.reset()
                return None
            self._rate_limit.take(*counted)
            stopwatch.stop(started_s, lap_s)
            # Nothing that is at hand visits any other box. The stopwatch is read in this turn of
            # the event loop, if at all: by the envelope, before the next request is looked at.
            request[EXCHANGE].visits = visits = (stopwatch,)
            if self._settings.shows_timing:
                response.add_header("Server-Timing", server_timing(visits))
            return response

        return at_hand

    async def _body(self, call: Call, request: web.Request) -> bytes:
        """Read the body; while it is on its way, its request takes nobody's place."""
        limits, kind = self._limits, _kind(call)
        reading = read_body(request, within_s=limits.client_s, most_bytes=limits.body_bytes)
        if request.content.is_eof():
            return await reading
        self._in_progress[kind] -= 1
        self._arriving += 1
        try:
            body = await reading
        finally:
            self._in_progress[kind] += 1
            self._arriving -= 1
        if self._in_progress[kind] > limits.requests_at_once:
            raise OverloadedError(box=BOX)
        return body

    async def _once(self, call: Call, incoming: Incoming, key: str) -> Answer:
        async def serve(reserved_id: int) -> Answer:
            with self._telemetry.span(call.box):
                answer = await call.serve(replace(incoming, fresh_id=reserved_id))
            # No POST answers a stream.
            assert isinstance(answer, Answer)  # noqa: S101 - for the type checker
            return answer

        keyed = KeyedRequest(
            scope=_whose_key(call, incoming),
            key=key,
            content=f"{call.method} {incoming.request.path}\n".encode() + incoming.raw_body,
            fresh_id=incoming.fresh_id,
            is_secret=call.is_public,
        )
        return await self._idempotency.once(keyed, serve)

    def _needs_token(self, call: Call) -> bool:
        return not (call.is_public or self._settings.is_open)

    async def _caller(self, request: web.Request) -> int:
        caller_id = await self._accounts.user_of(_bearer_token(request))
        request[EXCHANGE].caller_id = caller_id
        self._rate_limit.take(caller_id)
        return caller_id

    def _known_caller(self, request: web.Request) -> int:
        caller_id = self._accounts.known_user_of(_bearer_token(request))
        if caller_id is None:
            raise NotAuthenticatedError(reason="nobody in memory has that token")
        request[EXCHANGE].caller_id = caller_id
        return caller_id


def _nobody(_request: web.Request) -> None:
    """Return the caller of a call that needs no token."""


def _have_in_log(message: str, error: Exception) -> None:
    context = {"message": message, "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)


def _bearer_token(request: web.Request) -> str:
    scheme, token = credentials(request)
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticatedError(reason="expected the header Authorization: Bearer TOKEN")
    return token


def _whose_key(call: Call, incoming: Incoming) -> str:
    """Return whose idempotency keys a request's is among: strangers' keys never meet."""
    if incoming.caller_id is not None:
        return str(incoming.caller_id)
    claimed = incoming.parameters.get(call.claims)
    if claimed is None and call.body:
        claimed = incoming.body(call.body).model_dump(by_alias=True).get(call.claims)
    return f"{call.claims} {claimed}"


def _kind(call: Call) -> str:
    return "GET" if call.method == "GET" else "POST"


def _short(answer: Answer | None) -> WholeResponse | None:
    """Return the response, if it is to be copied for each client: a long one is shared by all."""
    response = _response(answer) if answer else None
    return response if response and response.is_short else None


def _response(answer: Answer) -> WholeResponse:
    body = answer.body
    if body is None and answer.document is not None:
        body = orjson.dumps(answer.document)
    response = WholeResponse(answer.status, body)
    if answer.location:
        response.add_header(hdrs.LOCATION, answer.location)
    return response

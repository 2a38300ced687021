"""A connection of a client: none for who keeps the server waiting.

aiohttp speaks HTTP on it; what stands here stands between aiohttp and the socket.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import cast

from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from server.gateway.connections import Answering, Connections
from server.gateway.early_refusal import BUSY, is_one_whole_call
from server.gateway.whole_request import HEADERS_END

# An answer that a client takes in more slowly than this is not sent to its end.
LEAST_BYTES_PER_S = 1_024


def arriving(connections: Connections, http: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
    """Return the protocol of a new connection; `http` makes the one that speaks HTTP."""
    return _Arrival(connections, http)


class _Arrival(asyncio.Protocol):
    """A connection about to be made: only then is it known how many are open."""

    def __init__(self, connections: Connections, http: Callable[[], asyncio.Protocol]) -> None:
        self._connections = connections
        self._http = http

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connections = self._connections
        protocol: asyncio.Protocol
        if connections.open < connections.most:
            protocol = Connection(connections, self._http())
        else:
            connections.refused += 1
            protocol = connections.refusals.protocol()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


class Connection(asyncio.Protocol):
    """Passes everything on, and cuts off a client that sends or takes too slowly.

    Of a slow client's headers the first byte counts, not the last: one byte now and then does not
    hold a connection.

    Attributes:
        presence: runs out when the client goes.
    """

    # Thousands of connections that are refused in turn are in no processor's cache: they are small.
    __slots__ = (
        "_admission",
        "_answering",
        "_begins_request",
        "_body",
        "_connections",
        "_has_request",
        "_head_bytes",
        "_head_tail",
        "_headers_due_s",
        "_held",
        "_http",
        "_idle_due_s",
        "_is_between",
        "_is_paused",
        "_loop",
        "_part_due_s",
        "_received_bytes",
        "_transport",
        "_unsent_bytes",
        "presence",
    )

    def __init__(self, connections: Connections, http: asyncio.Protocol) -> None:
        self._connections = connections
        self._admission = connections.admission
        self._http = http
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._has_request = False
        # Whether all that has come is answered. Never again once more has come than one request, or
        # nobody knows how much that is: an answer may be on its way that no other may overtake.
        self._is_between = True
        # What has come and waits for its turn, and whether a request is known to begin with it.
        self._held = b""
        self._begins_request = False
        self._is_paused = False
        # Of the request that is under way (0 until its head has come), and all that has come with
        # it and since; and the last bytes of what has come of its head.
        self._head_bytes = 0
        self._received_bytes = 0
        self._head_tail = b""
        # What answers a request that was taken, until it has.
        self._answering: asyncio.Task[None] | None = None
        self._headers_due_s: float | None = None
        self._part_due_s: float | None = None
        # While no answer is on its way, and nothing waits for its turn.
        self._idle_due_s: float | None = None
        self._unsent_bytes = 0
        self._body: StreamReader | None = None
        self.presence: asyncio.Timeout | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, and wait for a request's headers."""
        # uvloop's transports are no subclasses.
        self._transport = cast("asyncio.Transport", transport)
        self._connections.open += 1
        self._connections.watch(self)
        self._headers_due_s = self._loop.time() + self._connections.client_s
        self._http.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it, wherever its request is."""
        self._connections.open -= 1
        self._connections.unwatch(self)
        self._transport = None
        if self._held:
            self._held = b""
            self._admission.leave(self)
        if self.presence:
            self.presence.reschedule(self._loop.time())
        self._http.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Turn a request away, have it wait for its turn, or pass on what is none."""
        if self._held or self._answering:
            self._hold_more(data)
        elif not self._is_between:
            self._received_bytes += len(data)
            if not self._head_bytes:
                self._look_for_head_end(data)
            if self._has_request:
                self._pass_on(data)
            else:
                self._wait_for_turn(data, begins_request=False)
        elif not self._is_turned_away(data):
            self._is_between = False
            self._received_bytes, self._head_bytes, self._head_tail = len(data), 0, b""
            self._look_for_head_end(data)
            if self._head_bytes:
                # The client has done its part.
                self._headers_due_s = None
                self._wait_for_turn(data, begins_request=True)
            else:
                self._pass_on(data)

    def _look_for_head_end(self, data: bytes) -> None:
        """Find out how long the head is, of which this is the newest part."""
        seen = self._head_tail + data
        end = seen.find(HEADERS_END)
        if end < 0:
            self._head_tail = seen[1 - len(HEADERS_END) :]
        else:
            self._head_bytes = self._received_bytes - len(seen) + end + len(HEADERS_END)

    def _wait_for_turn(self, data: bytes, *, begins_request: bool) -> None:
        self._held, self._begins_request = data, begins_request
        # It is not idle, however long it waits.
        self._idle_due_s = None
        self._admission.join(self)

    def hand_on(self) -> None:
        """Have the request begun, because its turn has come."""
        data, self._held = self._held, b""
        self._go_on_reading()
        if not (self._begins_request and self._is_taken(data)):
            self._pass_on(data)

    def _go_on_reading(self) -> None:
        if self._is_paused and self._transport and not self._transport.is_closing():
            self._transport.resume_reading()
        self._is_paused = False

    def _is_taken(self, data: bytes) -> bool:
        """Answer a request without aiohttp's protocol, unless others may be before it."""
        if self._part_due_s is not None or not self._transport:
            return False
        answer = self._connections.take(data, cast("RequestHandler", self._http))
        if answer is None:
            return False
        if isinstance(answer, bytes):
            self._answer_at_once(self._transport, answer)
            return True
        self._answering = self._loop.create_task(self._answer(answer))
        return True

    def _answer_at_once(self, transport: asyncio.Transport, answer: bytes) -> None:
        transport.write(answer)
        self._connections.answered_at_once += 1
        self._is_between = True
        self._rest()

    async def _answer(self, answering: Answering) -> None:
        answer: bytes | bool = False
        try:
            answer = await answering
        finally:
            self._answering = None
            self._has_request = False
            if self._transport and not answer:
                self._transport.close()
        if isinstance(answer, bytes) and self._transport:
            self._transport.write(answer)
        self._is_between = True
        self._rest()
        if self._held:
            # Not in the context of the request that is answered: its times are complete.
            self._loop.call_soon(self._go_on, context=Context())

    def _go_on(self) -> None:
        """Look at what has come while a request was answered: it waited for its own turn."""
        data, self._held = self._held, b""
        if data and self._transport and not self._transport.is_closing():
            self._go_on_reading()
            self.data_received(data)

    def _rest(self) -> None:
        """Wait for the next request, from now on."""
        self._idle_due_s = self._loop.time() + self._connections.idle_s

    def _pass_on(self, data: bytes) -> None:
        # The rest of a body that nobody waits for counts as headers that do not come to an end.
        self._idle_due_s = None
        if not self._has_request and self._headers_due_s is None:
            self._headers_due_s = self._loop.time() + self._connections.client_s
        self._http.data_received(data)
        if self._body:
            self.expect_body(self._body)

    def eof_received(self) -> bool | None:
        """Pass on that the client sends no more."""
        return self._http.eof_received()

    def pause_writing(self) -> None:
        """Wait for the client to take what it was sent."""
        self._expect_part_taken()
        self._http.pause_writing()

    def resume_writing(self) -> None:
        """Note that it has."""
        self._part_due_s = None
        if self._idle_due_s is not None:
            self._rest()
        self._http.resume_writing()

    def begin_request(self) -> None:
        """Wait for no headers: they are here."""
        self._has_request = True
        self._headers_due_s = self._idle_due_s = None

    def end_request(self, *, body_bytes: int | None) -> None:
        """Wait for the next request, and for its headers once a byte comes.

        The answer is sent. Unless what has come is the request and nothing more, what comes may be
        the rest of its body, whatever it looks like, or of the next request.

        Args:
            body_bytes: how long its body was; None if it was not read to its end.
        """
        self._has_request = False
        self._is_between = (
            body_bytes is not None and self._received_bytes == self._head_bytes + body_bytes
        )
        self._rest()

    def expect_body(self, body: StreamReader | None) -> None:
        """Fail the reading of a body that is under way when what has come is none."""
        self._body = body
        if body and not body.is_eof() and _has_failed(self._http):
            body.set_exception(web.RequestPayloadError("no chunk where one was due"))

    def expect_progress(self, now_s: float) -> None:
        """Cut the client off if it should have sent or taken more by now."""
        if self._headers_due_s is not None and self._headers_due_s <= now_s:
            self._cut()
        elif self._part_due_s is not None:
            if self._part_due_s <= now_s:
                self._check_part_taken()
        elif self._idle_due_s is not None and self._idle_due_s <= now_s and self._transport:
            if self._transport.get_write_buffer_size():
                # It has not taken its last answer, and `close` would wait for that.
                self._cut()
            else:
                self._transport.close()

    def _hold_more(self, data: bytes) -> None:
        self._received_bytes += len(data)
        self._held += data
        if not self._is_paused and self._transport:
            # There is no bound on what else may come.
            self._is_paused = True
            self._transport.pause_reading()

    def _is_turned_away(self, data: bytes) -> bool:
        """Answer a request that would have to wait too long; else it is to be let in.

        By what it asks for, if that is at hand, and by a refusal.
        """
        admission, transport = self._admission, self._transport
        if admission.is_open or not transport or not is_one_whole_call(data):
            return False
        self._headers_due_s = None
        http = cast("RequestHandler", self._http)
        is_taking = self._part_due_s is None
        if is_taking and (
            answer := admission.glance(partial(self._connections.glance, data, http))
        ):
            self._answer_at_once(transport, answer)
        else:
            transport.write(BUSY)
            admission.refused += 1
            self._rest()
        return True

    def _expect_part_taken(self) -> None:
        assert self._transport is not None  # noqa: S101 - for the type checker
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._part_due_s = self._loop.time() + self._connections.client_s

    def _check_part_taken(self) -> None:
        assert self._transport is not None  # noqa: S101 - for the type checker
        taken_bytes = self._unsent_bytes - self._transport.get_write_buffer_size()
        if taken_bytes < LEAST_BYTES_PER_S * self._connections.client_s:
            self._cut()
        else:
            self._expect_part_taken()

    def _cut(self) -> None:
        if self._transport and not self._transport.is_closing():
            self._connections.cut += 1
        if self._transport:
            # Not `close`, which waits until what is unsent has been taken.
            self._transport.abort()


def _has_failed(http: asyncio.Protocol) -> bool:
    """Whether aiohttp has met what is no HTTP; it has no public way to tell."""
    messages = cast("RequestHandler", http)._messages  # noqa: SLF001
    return bool(messages) and isinstance(messages[-1][0], _ErrInfo)

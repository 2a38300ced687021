"""Connections without a request are closed, and no others, whoever answers the requests."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from http import HTTPStatus

import uvloop
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from server.gateway.admission import Admission
from server.gateway.connection import arriving
from server.gateway.connections import Connections
from server.gateway.envelope import Envelope, Logs
from server.gateway.http_protocol import HttpProtocol
from server.gateway.request_connection import connection_of
from server.limits import Limits
from tests.unit.server.until import until

LIMITS = Limits(idle_s=0.5, client_s=1.0)
AT_HAND = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
READ = b"GET /v1/feeds/1 HTTP/1.1\r\nHost: x\r\n\r\n"
OTHER = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
# Its answer takes longer than an idle connection stays.
SLOW = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW_S = 3 * LIMITS.idle_s
# Not so long that the transport tells of it, but longer than both sockets hold.
LONG = b"GET /v1/feeds/2 HTTP/1.1\r\nHost: x\r\n\r\n"
LONG_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + bytes(40_000)
SOCKET_BYTES = 4_096
WITHIN_S = 10
ENVELOPE = Envelope(request_id=str, answered=lambda *_: None, logs=Logs(), now_ms=lambda: 0)


class AskedAtOnce(HttpProtocol):
    """Meets the next request before it has come back to waiting for one."""

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        sent = await super().finish_response(request, resp, start_time)
        connection = connection_of(request)
        assert connection
        connection.data_received(READ)
        return sent


def test_a_request_on_the_heels_of_an_answer_ends_the_rest_before_it() -> None:
    async def ask() -> int:
        async with asyncio.timeout(WITHIN_S), connected(AskedAtOnce) as (reader, client):
            client.write(OTHER)
            await answered(reader)
            await answered(reader)
            return await answers_in(4 * LIMITS.idle_s, reader, client)

    assert uvloop.run(ask()) >= 4


def test_a_connection_that_aiohttp_answered_is_closed_when_idle() -> None:
    async def wait() -> float:
        async with asyncio.timeout(WITHIN_S), connected(HttpProtocol) as (reader, client):
            client.write(OTHER)
            await answered(reader)
            started_s = time.monotonic()
            assert await reader.read(1) == b""
            return time.monotonic() - started_s

    assert LIMITS.idle_s - 0.1 <= uvloop.run(wait()) < LIMITS.idle_s + 2


def test_a_request_behind_another_is_not_idle_while_it_is_answered() -> None:
    async def ask() -> None:
        async with asyncio.timeout(WITHIN_S), connected(HttpProtocol) as (reader, client):
            client.write(OTHER + SLOW)
            await answered(reader)
            await answered(reader)

    uvloop.run(ask())


def test_who_does_not_take_an_answer_is_cut_off_when_idle() -> None:
    """However little it is: `close` alone would wait for it to be taken."""

    async def wait() -> int:
        async with asyncio.timeout(WITHIN_S), listening(HttpProtocol) as (connections, address):
            with closing(socket.socket()) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BYTES)
                client.settimeout(0)
                await asyncio.get_running_loop().sock_connect(client, address)
                client.send(LONG)
                await until(lambda: not connections.open)
                return connections.cut

    assert uvloop.run(wait()) == 1


@asynccontextmanager
async def connected(
    http: type[HttpProtocol],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to a server."""
    async with listening(http) as (_, address):
        reader, client = await asyncio.open_connection(*address)
        try:
            yield reader, client
        finally:
            client.close()


@asynccontextmanager
async def listening(
    http: type[HttpProtocol],
) -> AsyncIterator[tuple[Connections, tuple[str, int]]]:
    """Serve feeds, which are at hand, and other requests, which aiohttp answers."""
    loop = asyncio.get_running_loop()
    admission = Admission(time.monotonic, loop.call_soon)
    connections = Connections(LIMITS, admission, take=take)
    answerer = web.Server(answer)
    server = await loop.create_server(
        lambda: arriving(connections, lambda: http(answerer, ENVELOPE, lingering_s=1.0)),
        "127.0.0.1",
        0,
    )
    try:
        yield connections, server.sockets[0].getsockname()
    finally:
        server.close()
        await until(lambda: not connections.open)


def take(data: bytes, http: RequestHandler) -> bytes | None:
    """Return what is at hand: a feed, or far more than the client's socket takes in."""
    if data == LONG:
        assert http.transport
        own = http.transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        return LONG_ANSWER
    return AT_HAND if data == READ else None


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    connection = connection_of(request)
    assert connection
    connection.begin_request()
    if request.path == "/slow":
        await asyncio.sleep(SLOW_S)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def answered(reader: asyncio.StreamReader) -> None:
    status = await reader.readuntil(b"\r\n\r\n")
    assert status.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204")), status


async def answers_in(
    duration_s: float, reader: asyncio.StreamReader, client: asyncio.StreamWriter
) -> int:
    """Go on reading feeds without ever resting long; returns how many came."""
    ends_s = time.monotonic() + duration_s
    answers = 0
    while time.monotonic() < ends_s:
        await asyncio.sleep(LIMITS.idle_s / 5)
        client.write(READ)
        await answered(reader)
        answers += 1
    return answers

"""Connections without a request are closed, and no others, whoever answers the requests."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import uvloop
from aiohttp import web

from server.gateway.admission import Admission
from server.gateway.connection import arriving
from server.gateway.connections import Connections
from server.gateway.envelope import Envelope, Logs
from server.gateway.http_protocol import HttpProtocol
from server.gateway.request_connection import connection_of
from server.limits import Limits

LIMITS = Limits(idle_s=0.5, client_s=1.0)
AT_HAND = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
READ = b"GET /v1/feeds/1 HTTP/1.1\r\nHost: x\r\n\r\n"
OTHER = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
LOOKS, LOOK_AGAIN_S = 500, 0.01
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
        async with connected(AskedAtOnce) as (reader, client):
            client.write(OTHER)
            await answered(reader)
            await answered(reader)
            return await answers_in(4 * LIMITS.idle_s, reader, client)

    assert uvloop.run(ask()) >= 4


def test_a_connection_that_aiohttp_answered_is_closed_when_idle() -> None:
    async def wait() -> float:
        async with connected(HttpProtocol) as (reader, client):
            client.write(OTHER)
            await answered(reader)
            started_s = time.monotonic()
            assert await reader.read(1) == b""
            return time.monotonic() - started_s

    assert LIMITS.idle_s - 0.1 <= uvloop.run(wait()) < LIMITS.idle_s + 2


@asynccontextmanager
async def connected(
    http: type[HttpProtocol],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to a server whose feeds are at hand, and whose other requests aiohttp answers."""
    loop = asyncio.get_running_loop()
    admission = Admission(time.monotonic, loop.call_soon)
    connections = Connections(
        LIMITS, admission, take=lambda data, _: AT_HAND if data == READ else None
    )
    answerer = web.Server(answer)
    server = await loop.create_server(
        lambda: arriving(connections, lambda: http(answerer, ENVELOPE, lingering_s=1.0)),
        "127.0.0.1",
        0,
    )
    reader, client = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, client
    finally:
        client.close()
        server.close()
        for _ in range(LOOKS):
            await asyncio.sleep(LOOK_AGAIN_S)
            if not connections.open:
                break
        assert not connections.open


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    connection = connection_of(request)
    assert connection
    connection.begin_request()
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

"""Connections whose request waits for its turn: nothing is mixed up, piled up or forgotten."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import uvloop

from server.gateway.admission import A_TURN, GLANCES_S, Admission
from server.gateway.connection import Connection, arriving
from server.gateway.connections import Connections, Glance
from server.limits import Limits
from tests.unit.server.until import until

REQUEST = b"POST /v1/likes HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
READ = b"GET /v1/feeds/1 HTTP/1.1\r\nHost: x\r\n\r\n"
AT_HAND = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
MB = 1_000_000


class Heard(asyncio.Protocol):
    """What comes through to the one that speaks HTTP."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.has_ended = False
        self.connection: Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = cast("asyncio.Transport", transport).get_protocol()
        assert isinstance(connection, Connection)
        self.connection = connection

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.has_ended = True


class Waiting:
    """Somebody in the line, without a connection."""

    def hand_on(self) -> None:
        """Be begun."""


@dataclass
class Gate:
    """A listening server whose turns are made by hand; the first requests have filled one."""

    connections: Connections
    port: int
    heard: list[Heard]
    turns: list[Callable[[], None]] = field(default_factory=list)

    async def waiting_client(self) -> tuple[asyncio.StreamWriter, Heard]:
        """Send a request that waits; returns the client, and what is heard of it."""
        _, client = await asyncio.open_connection("127.0.0.1", self.port)
        waiting = self.connections.admission.waiting
        client.write(REQUEST)
        await until(lambda: self.connections.admission.waiting == waiting + 1)
        assert self.heard[-1].received == b""
        return client, self.heard[-1]

    def turn(self) -> None:
        """Make the loop's next turn."""
        turns, self.turns[:] = self.turns[:], []
        for each in turns:
            each()


@asynccontextmanager
async def gate(
    glance: Glance = lambda *_: None, *, limits: Limits | None = None
) -> AsyncIterator[Gate]:
    turns: list[Callable[[], None]] = []
    loop = asyncio.get_running_loop()
    admission = Admission(time.monotonic, turns.append)
    connections = Connections(limits or Limits(), admission, glance=glance)
    heard: list[Heard] = []

    def speak() -> Heard:
        heard.append(Heard())
        return heard[-1]

    server = await loop.create_server(lambda: arriving(connections, speak), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(A_TURN)]
    for _, client in clients:
        client.write(REQUEST)
    await until(lambda: sum(each.received == REQUEST for each in heard) == A_TURN)
    try:
        yield Gate(connections, port, heard, turns)
    finally:
        for _, client in clients:
            client.close()
        server.close()
        await until(lambda: connections.open == 0)


def fill(admission: Admission) -> None:
    """Have as many wait as are let in."""
    while admission.is_open:
        admission.join(Waiting())


async def read_in_turn(opened: Gate, requests: int, *, every_s: float = 0.0) -> list[bytes]:
    """Read so often while the line is full; returns the statuses."""
    reader, client = await asyncio.open_connection("127.0.0.1", opened.port)
    fill(opened.connections.admission)
    statuses = []
    for _ in range(requests):
        client.write(READ)
        head = await reader.readuntil(b"\r\n\r\n")
        if b"Content-Length: 0" not in head:
            await reader.readuntil(b"}")
        statuses.append(head[9:12])
        await asyncio.sleep(every_s)
    client.close()
    return statuses


def test_what_follows_a_request_that_waits_comes_after_it() -> None:
    async def follow() -> bytearray:
        async with gate() as opened:
            client, heard = await opened.waiting_client()
            client.write(b"GET /v1/users/1 HTTP/1.1\r\n\r\n")
            await asyncio.sleep(0.05)
            opened.turn()
            await until(lambda: b"GET" in heard.received)
            client.write(b"the rest")
            await until(lambda: b"rest" in heard.received)
            client.close()
            return heard.received

    assert uvloop.run(follow()) == REQUEST + b"GET /v1/users/1 HTTP/1.1\r\n\r\nthe rest"


def test_a_client_that_goes_while_it_waits_is_not_served() -> None:
    async def go() -> tuple[int, bytearray]:
        async with gate() as opened:
            client, heard = await opened.waiting_client()
            client.close()
            await until(lambda: heard.has_ended)
            opened.turn()
            return opened.connections.admission.waiting, heard.received

    assert uvloop.run(go()) == (0, bytearray())


def test_a_request_that_waits_does_not_grow_with_what_its_client_sends() -> None:
    async def send() -> tuple[int, int]:
        async with gate() as opened:
            client, heard = await opened.waiting_client()
            client.write(b"x" * 20 * MB)
            await asyncio.sleep(0.2)
            opened.turn()
            held_bytes = len(heard.received)

            def has_all() -> bool:
                opened.turn()
                return len(heard.received) == len(REQUEST) + 20 * MB

            await until(has_all)
            client.close()
            return held_bytes, len(heard.received)

    held_bytes, _ = uvloop.run(send())

    assert held_bytes < 1 * MB


def test_what_is_at_hand_is_answered_in_place_of_a_refusal_for_a_part_of_each_turn() -> None:
    def glance(*_: object) -> bytes:
        time.sleep(GLANCES_S / 2)
        return AT_HAND

    async def read() -> tuple[list[bytes], list[bytes], int]:
        async with gate(glance) as opened:
            first = await read_in_turn(opened, 4)
            opened.turn()
            return first, await read_in_turn(opened, 1), opened.connections.admission.refused

    assert uvloop.run(read()) == ([b"200"] * 2 + [b"503"] * 2, [b"200"], 2)


def test_a_connection_whose_requests_are_refused_is_not_idle() -> None:
    async def read() -> list[bytes]:
        async with gate(limits=Limits(idle_s=0.3, client_s=1.0)) as opened:
            return await read_in_turn(opened, 6, every_s=0.2)

    assert uvloop.run(read()) == [b"503"] * 6


def test_a_connection_whose_request_waits_is_not_idle() -> None:
    async def wait() -> bytearray:
        async with gate(lambda *_: AT_HAND, limits=Limits(idle_s=0.3, client_s=1.0)) as opened:
            admission = opened.connections.admission
            reader, client = await asyncio.open_connection("127.0.0.1", opened.port)
            fill(admission)
            client.write(READ)
            assert await reader.readuntil(b"\r\n\r\n") == AT_HAND
            while admission.waiting > 1:
                opened.turn()
            while not admission.waiting:
                admission.join(Waiting())
            client.write(REQUEST)
            await until(lambda: admission.waiting == 2)
            await asyncio.sleep(1.0)
            opened.turn()
            client.close()
            return opened.heard[-1].received

    assert uvloop.run(wait()) == REQUEST


def test_who_sends_a_head_in_parts_waits_like_others_and_is_refused_like_others() -> None:
    async def send() -> tuple[bytearray, bytes]:
        async with gate() as opened:
            reader, client = await asyncio.open_connection("127.0.0.1", opened.port)
            await until(lambda: len(opened.heard) == A_TURN + 1)
            heard = opened.heard[-1]
            client.write(READ[:20])
            await until(lambda: heard.received == READ[:20])
            client.write(READ[20:])
            await until(lambda: opened.connections.admission.waiting == 1)
            opened.turn()
            await until(lambda: heard.received == READ)
            connection = heard.connection
            assert connection
            connection.begin_request()
            connection.end_request(body_bytes=0)
            fill(opened.connections.admission)
            client.write(READ)
            refusal = await reader.readuntil(b"\r\n\r\n")
            client.close()
            return heard.received, refusal[9:12]

    assert uvloop.run(send()) == (bytearray(READ), b"503")


def test_what_is_not_at_hand_is_refused() -> None:
    async def read() -> list[bytes]:
        async with gate() as opened:
            return await read_in_turn(opened, 3)

    assert uvloop.run(read()) == [b"503"] * 3

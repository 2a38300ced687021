"""Connections whose request waits for its turn: nothing is mixed up, piled up or forgotten."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvloop

from server.gateway.admission import A_TURN, GLANCES_A_TURN, Admission
from server.gateway.connections import Connections, Glance
from server.limits import Limits

REQUEST = b"POST /v1/likes HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
READ = b"GET /v1/feeds/1 HTTP/1.1\r\nHost: x\r\n\r\n"
AT_HAND = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
LOOKS, LOOK_AGAIN_S = 5_000, 0.001
MB = 1_000_000


class Heard(asyncio.Protocol):
    """What comes through to the one that speaks HTTP."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.has_ended = False

    def keep_alive(self, val: bool) -> None:  # noqa: FBT001 - as aiohttp has it
        """Wait no longer for the next request."""

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
async def gate(glance: Glance = lambda *_: None) -> AsyncIterator[Gate]:
    turns: list[Callable[[], None]] = []
    loop = asyncio.get_running_loop()
    admission = Admission(loop.time, turns.append)
    connections = Connections(Limits(), admission, glance=glance)
    heard: list[Heard] = []

    def speak() -> Heard:
        heard.append(Heard())
        return heard[-1]

    server = await loop.create_server(lambda: connections.protocol(speak), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(A_TURN)]
    for _, client in clients:
        client.write(REQUEST)
    await until(lambda: sum(each.received == REQUEST for each in heard) == A_TURN)
    yield Gate(connections, port, heard, turns)
    for _, client in clients:
        client.close()
    server.close()
    await until(lambda: connections.open == 0)


async def read_in_turn(opened: Gate, requests: int) -> list[bytes]:
    """Read so often while the line is full; returns the statuses."""
    reader, client = await asyncio.open_connection("127.0.0.1", opened.port)
    admission = opened.connections.admission
    while admission.is_open:
        admission.join(Waiting())
    statuses = []
    for _ in range(requests):
        client.write(READ)
        head = await reader.readuntil(b"\r\n\r\n")
        if b"Content-Length: 0" not in head:
            await reader.readuntil(b"}")
        statuses.append(head[9:12])
    client.close()
    return statuses


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(LOOKS):
        if condition():
            return
        await asyncio.sleep(LOOK_AGAIN_S)
    raise TimeoutError


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
            await until(lambda: len(heard.received) == len(REQUEST) + 20 * MB)
            client.close()
            return held_bytes, len(heard.received)

    held_bytes, _ = uvloop.run(send())

    assert held_bytes < 1 * MB


def test_what_is_at_hand_is_answered_in_place_of_a_refusal_some_times_in_a_turn() -> None:
    async def read() -> tuple[list[bytes], list[bytes], int]:
        async with gate(glance=lambda *_: AT_HAND) as opened:
            first = await read_in_turn(opened, GLANCES_A_TURN + 2)
            opened.turn()
            return first, await read_in_turn(opened, 1), opened.connections.admission.refused

    first, second, refused = uvloop.run(read())

    assert first == [b"200"] * GLANCES_A_TURN + [b"503"] * 2
    assert (second, refused) == ([b"200"], 2)


def test_what_is_not_at_hand_is_refused() -> None:
    async def read() -> list[bytes]:
        async with gate() as opened:
            return await read_in_turn(opened, 3)

    assert uvloop.run(read()) == [b"503"] * 3

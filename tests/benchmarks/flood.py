"""A client that does not wait: requests come at their own pace, whatever the server makes of them.

Runs as a program of its own on its own core: `python flood.py PORT RATE SECONDS [CONNECTIONS]`, the
requests on standard input as JSON, a list of [method, path, body]. So many connections are open
before the first request, 200 if nothing is said. Each request takes one of its own: the one that
has been idle for longest, or a new one. Prints a line of JSON for each second, then one in all.
"""

import asyncio
import itertools
import json
import math
import re
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import cast

import numpy as np
import uvloop

# An answer that comes later is no use any more: the objective of a feed page.
USEFUL_S = 1.0
MOST_CONNECTIONS = 4_000
FIRST_CONNECTIONS = 200
TICK_S = 0.001
LAST_ANSWERS_S = 2.0
# Bounds of the histogram: 2 % apart from 0.1 ms on.
STEPS_A_E_FOLD = 50
LEAST_S = 0.0001
CONTENT_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)", re.IGNORECASE)


@dataclass
class Latencies:
    """A histogram of times, precise to 2 %."""

    counts: list[int] = field(default_factory=lambda: [0] * 700)

    def note(self, took_s: float) -> None:
        """Add a time."""
        place = int(math.log(max(took_s, LEAST_S) / LEAST_S) * STEPS_A_E_FOLD)
        self.counts[min(place, len(self.counts) - 1)] += 1

    def quantile_ms(self, share: float) -> float | None:
        """Return a quantile; None of nothing."""
        total = sum(self.counts)
        if not total:
            return None
        place = int(np.searchsorted(np.cumsum(self.counts), share * total))
        return round(LEAST_S * float(np.exp((place + 1) / STEPS_A_E_FOLD)) * 1000, 2)


@dataclass
class Tally:
    """What came back, of requests that were due in one second or in all.

    `written` are those of the good that have made something.
    """

    sent: int = 0
    good: int = 0
    written: int = 0
    late: int = 0
    refused: int = 0
    refused_rudely: int = 0
    failed: int = 0
    unsent: int = 0


class Flood:
    """Sends the requests, and counts the answers."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self._port = port
        self._requests = itertools.cycle(requests)
        self.idle: deque[Connection] = deque()
        self.open = 0
        self.total = Tally()
        self.second = Tally()
        self.good = Latencies()
        self.refusals = Latencies()
        # From when a request was due until it was written: what the client itself adds to both.
        self.lateness = Latencies()

    async def run(self, rate_per_s: float, seconds: float, *, connections: int) -> None:
        """Send at a rate for a time; tell of each second."""
        for _ in range(connections):
            await self._connect(None)
        rng = np.random.default_rng(1)
        start_s = time.perf_counter()
        due_s = np.cumsum(rng.exponential(1 / rate_per_s, int(rate_per_s * seconds))).tolist()
        arrivals = iter(due_s)
        following_s = next(arrivals)
        ends_s = 1.0
        while True:
            now_s = time.perf_counter() - start_s
            while following_s <= now_s:
                self._send(start_s + following_s)
                following_s = next(arrivals, seconds)
                if following_s == seconds:
                    await asyncio.sleep(LAST_ANSWERS_S)
                    self._tell_second()
                    return
            if now_s >= ends_s:
                self._tell_second()
                ends_s += 1
            await asyncio.sleep(TICK_S)

    def answered(self, due_s: float, head: bytes) -> None:
        """Count an answer."""
        took_s = time.perf_counter() - due_s
        second = self.second
        if head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            self.good.note(took_s)
            if took_s <= USEFUL_S:
                second.good += 1
                second.written += head.startswith(b"HTTP/1.1 201")
            else:
                second.late += 1
        elif head.startswith((b"HTTP/1.1 503", b"HTTP/1.1 429")):
            self.refusals.note(took_s)
            second.refused += 1
            second.refused_rudely += b"retry-after:" not in head.lower()
        else:
            second.failed += 1

    def lost(self) -> None:
        """Count a request whose connection went without an answer."""
        self.second.failed += 1

    def _send(self, due_s: float) -> None:
        request = next(self._requests)
        self.second.sent += 1
        if self.idle:
            self.idle.popleft().send(request, due_s)
        elif self.open < MOST_CONNECTIONS:
            self.open += 1
            connecting = asyncio.create_task(self._connect((request, due_s)))
            connecting.add_done_callback(self._connected)
        else:
            self.second.unsent += 1

    async def _connect(self, first: tuple[bytes, float] | None) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: Connection(self, first), "127.0.0.1", self._port)

    def _connected(self, connecting: asyncio.Task[None]) -> None:
        if connecting.exception():
            self.open -= 1
            self.second.failed += 1

    def _tell_second(self) -> None:
        print(json.dumps(asdict(self.second)), flush=True)
        for name, value in asdict(self.second).items():
            setattr(self.total, name, getattr(self.total, name) + value)
        self.second = Tally()


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, flood: Flood, first: tuple[bytes, float] | None) -> None:
        self._flood = flood
        self._first = first
        self._due_s: float | None = None
        self._expected = 0
        self._received = b""
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop has transports of its own.
        self._transport = cast("asyncio.Transport", transport)
        if self._first:
            self.send(*self._first)
        else:
            self._flood.open += 1
            self._flood.idle.append(self)

    def send(self, request: bytes, due_s: float) -> None:
        self._due_s = due_s
        self._flood.lateness.note(time.perf_counter() - due_s)
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        # Most answers come in one piece.
        received = self._received = self._received + data if self._received else data
        if not self._expected:
            end = received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head = received[:end]
            length = CONTENT_LENGTH.search(self._head)
            assert length
            self._expected = end + 4 + int(length[1])
        if len(received) >= self._expected and self._due_s is not None:
            self._flood.answered(self._due_s, self._head)
            self._due_s, self._expected, self._received = None, 0, b""
            self._flood.idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._flood.open -= 1
        if self._due_s is not None:
            self._flood.lost()
        elif self in self._flood.idle:
            self._flood.idle.remove(self)


def request_bytes(method: str, path: str, body: object) -> bytes:
    """Return a request as it is sent."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if body is None:
        return f"{head}\r\n".encode()
    content = json.dumps(body)
    head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return f"{head}\r\n{content}".encode()


async def main(
    port: int, rate_per_s: float, seconds: float, connections: int = FIRST_CONNECTIONS
) -> None:
    flood = Flood(port, [request_bytes(*each) for each in json.load(sys.stdin)])
    await flood.run(rate_per_s, seconds, connections=connections)
    latencies = {
        f"{name}_p{share}_ms": histogram.quantile_ms(share / 100)
        for name, histogram in (
            ("good", flood.good),
            ("refused", flood.refusals),
            ("written", flood.lateness),
        )
        for share in (50, 99)
    }
    print(json.dumps(asdict(flood.total) | latencies))


if __name__ == "__main__":
    open_first = [int(count) for count in sys.argv[4:]]
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), *open_first))

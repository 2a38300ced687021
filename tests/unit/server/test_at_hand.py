"""What is answered in the callback in which its request comes: its times, and its failures."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from server.adapters.clock import SystemClock
from server.app import build_app
from server.gateway.envelope import Logs
from server.gateway.gateway import GatewaySettings
from server.model.pages import PageRequest
from server.services.feed_reader import FeedReader
from server.services.page_cache import FeedPage
from server.settings import ServerSettings
from tests.benchmarks.in_process import Wire, answer, connected

LOOKS, LOOK_AGAIN_S = 500, 0.01
SLOW_S = 0.02
ALL_SLOW_S = 1e-9


@dataclass
class Reading:
    """How feeds at hand are read.

    Attributes:
        found: whose were, in their order.
        slow_id: whose takes `SLOW_S`.
        error: what is raised instead.
    """

    found: list[int] = field(default_factory=list)
    slow_id: int | None = None
    error: Exception | None = None


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    """Have the feeds at hand read in that way."""
    state, read = Reading(), FeedReader.at_hand

    def at_hand(reader: FeedReader, user_id: int, page: PageRequest) -> FeedPage | None:
        if state.error:
            raise state.error
        if user_id == state.slow_id:
            time.sleep(SLOW_S)
        found = read(reader, user_id, page)
        if found:
            state.found.append(user_id)
        return found

    monkeypatch.setattr(FeedReader, "at_hand", at_hand)
    return state


@asynccontextmanager
async def served(folder: Path, *, logs: Logs | None = None) -> AsyncIterator[Wire]:
    """Run a server without sockets, for which nobody needs a token."""
    settings = ServerSettings(folder, gateway=GatewaySettings(is_open=True), logs=logs or Logs())
    app = await build_app(settings, clock=SystemClock(), random_bytes=secrets.token_bytes)
    async with connected(app) as wire:
        yield wire


async def readers(wire: Wire, reading: Reading, *, number: int) -> Sequence[int]:
    """Make users whose feeds are at hand; returns their ids."""
    made = [
        int((await asked(wire, "POST", "/v1/users", {"name": f"reader{each}"}))["userId"])
        for each in range(number)
    ]
    for _ in range(LOOKS):
        for user_id in made:
            await asked(wire, "GET", f"/v1/feeds/{user_id}")
        if set(made) <= set(reading.found):
            return made
        await asyncio.sleep(LOOK_AGAIN_S)
    raise TimeoutError


async def asked(wire: Wire, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    """Send a request; returns the JSON of its answer, which is no error."""
    head, _, content = (await answer(wire, request(method, path, body))).partition(b"\r\n\r\n")
    assert head.split()[1] in {b"200", b"201"}, content
    return json.loads(content)


def request(method: str, path: str, body: object = None) -> bytes:
    """Return a whole request."""
    content = b"" if body is None else json.dumps(body).encode()
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if content:
        head += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*head, "", ""]).encode() + content


def test_each_request_is_logged_with_its_own_times(tmp_path: Path, reading: Reading) -> None:
    lines: list[str] = []

    async def read() -> None:
        async with served(tmp_path, logs=Logs(slow=lines.append, slow_s=ALL_SLOW_S)) as wire:
            slow, quick = await readers(wire, reading, number=2)
            reading.slow_id = slow
            lines.clear()
            reading.found.clear()
            for user_id in (quick, slow, quick, slow, quick):
                await asked(wire, "GET", f"/v1/feeds/{user_id}")
            assert reading.found == [quick, slow, quick, slow, quick]

    asyncio.run(read())

    entries = [json.loads(line) for line in lines]
    times = [{box: s for each in entry["boxesS"] for box, s in each.items()} for entry in entries]
    assert [boxes["feed_reader"] >= SLOW_S for boxes in times] == [False, True] * 2 + [False]
    for entry, boxes in zip(entries, times, strict=True):
        assert 0 < boxes["feed_reader"] <= boxes["api_gateway"] <= entry["durationS"]


def test_a_failure_at_hand_is_told_and_the_request_answered_as_others_are(
    tmp_path: Path, reading: Reading
) -> None:
    told: list[dict[str, Any]] = []

    async def read() -> str:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with served(tmp_path) as wire:
            (reader,) = await readers(wire, reading, number=1)
            reading.error = RuntimeError("a bug")
            assert (await asked(wire, "GET", f"/v1/feeds/{reader}"))["items"] == []
            return (await answer(wire, request("GET", "/metrics"))).decode()

    metrics = asyncio.run(read())

    assert [str(context["exception"]) for context in told] == ["a bug"]
    assert "/v1/feeds/{userId} at hand has failed" in told[0]["message"]
    errors = re.findall(r'^socialfeed_box_errors_total{box="(\w+)"} (\d+)$', metrics, re.MULTILINE)
    assert errors == [("feed_reader", "1")]

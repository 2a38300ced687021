"""What it costs a warm feed page that each box is timed and counted."""

import asyncio
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from statistics import median

import pytest
import uvloop

from server.adapters.clock import SystemClock
from server.adapters.metrics import Metrics
from server.app import build_app
from server.gateway.gateway import GatewaySettings
from server.settings import ServerSettings
from tests.benchmarks.in_process import answer, connected, cpu_us

USERS = 400
ROUNDS = 50
BUILT_WITHIN_S = 5


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")
def test_metrics_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = Path(sys.executable).with_name("socialfeed")
    world = ["--users", str(USERS), "--set", "activity.followers.mean=50"]
    subprocess.run([program, "populate", *world, "--data", tmp_path], check=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        with_us, without_us = runner.run(compared(tmp_path))

    costs = [(w - o) / w for w, o in zip(with_us, without_us, strict=True)]
    with capsys.disabled():
        print(
            f"\nmetrics by box: {median(costs):.1%} of the CPU of a warm page"
            f" ({median(with_us):.1f} µs with, {median(without_us):.1f} µs without, sockets not"
            f" counted; {ROUNDS} rounds in turn)"
        )


async def compared(folder: Path) -> tuple[list[float], list[float]]:
    """Return the CPU of a page with metrics and without, round by round."""
    settings = ServerSettings(folder, gateway=GatewaySettings(is_open=True))
    app = await build_app(settings, clock=SystemClock(), random_bytes=secrets.token_bytes)
    requests = [
        f"GET /v1/feeds/{user} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        for user in users(folder)
    ]
    with_us, without_us = [], []
    async with connected(app) as wire:
        for request in requests:
            await answer(wire, request)
        await asyncio.sleep(BUILT_WITHIN_S)
        await cpu_us(wire, requests * 2)
        for _ in range(ROUNDS):
            with_us.append(await cpu_us(wire, requests))
            with silent():
                without_us.append(await cpu_us(wire, requests))
    return with_us, without_us


def users(folder: Path) -> list[int]:
    with sqlite3.connect(folder / "socialfeed.sqlite3") as connection:
        found = [row[0] for row in connection.execute("SELECT user_id FROM users")]
    connection.close()
    return found


@contextmanager
def silent() -> Iterator[None]:
    """Have nothing timed and nothing counted."""
    nothing: AbstractContextManager[None] = nullcontext()
    collecting: AbstractContextManager[list[object]] = nullcontext([])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Metrics, "span", lambda _metrics, _box: nothing)
        patch.setattr(Metrics, "timings", lambda _metrics: collecting)
        patch.setattr(Metrics, "cache", lambda _metrics, _box, **_found: None)
        yield

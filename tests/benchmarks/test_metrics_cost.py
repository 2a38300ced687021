"""What it costs that each box is timed and counted.

A warm feed page, which is the least that a request takes, twice: as CPU in one process, where a
microsecond shows, and as throughput of two servers in turn. And as throughput of the mixed load
that the server is flooded with elsewhere.
"""

import asyncio
import json
import secrets
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

import pytest
import uvloop

from server.adapters.clock import SystemClock
from server.app import build_app
from server.gateway.gateway import GatewaySettings
from server.settings import ServerSettings
from tests.benchmarks.in_process import answer, connected, cpu_us
from tests.benchmarks.side_by_side import Compared, hammered
from tests.benchmarks.silence import silenced
from tests.benchmarks.test_overload import mixture
from tests.benchmarks.worlds import known, pin
from tests.e2e.serving import Serving, serving

USERS = 400
ROUNDS = 50
SERVED_ROUNDS = 9
SECONDS = 3
CONNECTIONS = 8
BUILT_WITHIN_S = 5

SILENT = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.benchmarks.silence import silenced
from cli.main import main

with silenced():
    main()
"""


@pytest.mark.timeout(600)
def test_metrics_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = Path(sys.executable).with_name("socialfeed")
    folder = tmp_path / "data"
    world = ["--users", str(USERS), "--set", "activity.followers.mean=50"]
    subprocess.run([program, "populate", *world, "--data", folder], check=True)
    shutil.copytree(folder, tmp_path / "same")
    silent_program = tmp_path / "silent"
    silent_program.write_text(SILENT)
    silent_program.chmod(0o755)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        with_us, without_us = runner.run(compared(folder))
    mixed = [in_a_line(*each) for each in mixture(*known(folder))]
    loads = {"a warm page": first_pages(folder), "the mixed load's request": mixed}
    with (
        serving(program, folder, "--open") as told,
        serving(silent_program, tmp_path / "same", "--open") as untold,
    ):
        for server in (told, untold):
            pin(server.process.pid)
            for path in first_pages(folder):
                server.send("GET", path)
        served = {what: side_by_side(told, untold, load) for what, load in loads.items()}

    costs_us = [w - o for w, o in zip(with_us, without_us, strict=True)]
    with capsys.disabled():
        print(
            f"\nmetrics by box: {median(costs_us):.1f} µs of the {median(with_us):.1f} µs of CPU of"
            f" a warm page without sockets ({ROUNDS} rounds in turn)"
        )
        for what, rounds in served.items():
            pairs = list(zip(rounds.ours, rounds.theirs, strict=True))
            shares = [ours.per_s / theirs.per_s for ours, theirs in pairs]
            cpu_us = [ours.cpu_us for ours in rounds.ours]
            more_us = [ours.cpu_us - theirs.cpu_us for ours, theirs in pairs]
            print(
                f"served, {what} takes {median(cpu_us):.0f} µs, {median(more_us):.1f} of them for"
                f" metrics, and throughput is {median(shares):.1%} of a server's without them"
                f" ({min(shares):.1%} to {max(shares):.1%} in {SERVED_ROUNDS} rounds)"
            )


async def compared(folder: Path) -> tuple[list[float], list[float]]:
    """Return the CPU of a page with metrics and without, round by round."""
    settings = ServerSettings(folder, gateway=GatewaySettings(is_open=True))
    app = await build_app(settings, clock=SystemClock(), random_bytes=secrets.token_bytes)
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for path in first_pages(folder)
    ]
    with_us, without_us = [], []
    async with connected(app) as wire:
        for request in requests:
            await answer(wire, request)
        await asyncio.sleep(BUILT_WITHIN_S)
        await cpu_us(wire, requests * 2)
        for _ in range(ROUNDS):
            with_us.append(await cpu_us(wire, requests))
            with silenced():
                without_us.append(await cpu_us(wire, requests))
    return with_us, without_us


def side_by_side(told: Serving, untold: Serving, requests: Sequence[str]) -> Compared:
    """Return what a server with metrics and one without can do, under the same client in turn."""
    load = partial(hammered, requests=requests, connections=CONNECTIONS, seconds=SECONDS)
    rounds = [
        (load(told.process.pid, told.port), load(untold.process.pid, untold.port))
        for _ in range(SERVED_ROUNDS)
    ]
    with_metrics, without = zip(*rounds, strict=True)
    return Compared(with_metrics, without)


def in_a_line(method: object, path: object, body: object) -> str:
    """Return a request as the hammering client takes it."""
    return str(path) if body is None else f"{method}\t{path}\t\t{json.dumps(body)}"


def first_pages(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "socialfeed.sqlite3") as connection:
        found = [f"/v1/feeds/{row[0]}" for row in connection.execute("SELECT user_id FROM users")]
    connection.close()
    return found

"""What it costs that each box is timed and counted: see `turns.py` for how it is measured.

Of a warm feed page, which is the least that a request takes, and of the mixed load that the server
is flooded with elsewhere.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from tests.benchmarks.side_by_side import hammered
from tests.benchmarks.test_overload import mixture
from tests.benchmarks.turns import Turn, turns_in
from tests.benchmarks.worlds import known, pin
from tests.e2e.serving import Serving, serving

USERS = 400
PROCESSES = 3
SECONDS = 15
CONNECTIONS = 8


@dataclass(frozen=True)
class Beside:
    """A turn with nothing told by box, beside the two around it, in which all is told.

    Attributes:
        throughput: of those two, as a share of its own.
        cpu_us, without_us: the CPU of an answer in those two, and in it.
    """

    throughput: float
    cpu_us: float
    without_us: float


@pytest.mark.timeout(600)
def test_metrics_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data"
    program = Path(sys.executable).with_name("socialfeed")
    world = ["--users", str(USERS), "--set", "activity.followers.mean=50"]
    subprocess.run([program, "populate", *world, "--data", folder], check=True)
    pages = first_pages(folder)
    mixed = [in_a_line(*each) for each in mixture(*known(folder))]
    loads = {"a warm page": pages, "the mixed load": mixed}
    found: dict[str, list[list[Beside]]] = {what: [] for what in loads}
    for number in range(PROCESSES):
        with turning(shutil.copytree(folder, tmp_path / f"data-{number}")) as (server, file):
            for path in pages:
                server.send("GET", path)
            for what, load in loads.items():
                found[what].append(side_by_side(seen(server, file, load)))
    with capsys.disabled():
        for what, by_process in found.items():
            print(f"\nmetrics by box, {what}: {told([each for run in by_process for each in run])}")
            print("by process: " + "; ".join(map(told, by_process)))


@contextmanager
def turning(folder: Path) -> Iterator[tuple[Serving, Path]]:
    """Run a server on a folder; yields it and the file of its turns."""
    file, program = folder.with_suffix(".turns"), folder.with_suffix(".program")
    module = Path(__file__).with_name("turns.py")
    root = Path(__file__).parents[2]
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={root} exec "{sys.executable}" "{module}" "{file}" "$@"\n'
    )
    program.chmod(0o755)
    with serving(program, folder, "--open") as server:
        pin(server.process.pid)
        yield server, file


def seen(server: Serving, file: Path, requests: Sequence[str]) -> list[Turn]:
    """Send requests as fast as they are answered; returns the turns meanwhile."""
    before = len(turns_in(file.read_text()))
    hammered(server.process.pid, server.port, requests, connections=CONNECTIONS, seconds=SECONDS)
    turns = turns_in(file.read_text())[before:]
    # Not those in which the client began or ended.
    at_work = median(turn.answers for turn in turns) / 2
    return [turn for turn in turns if turn.answers > at_work]


def side_by_side(turns: Sequence[Turn]) -> list[Beside]:
    """Return each turn without metrics that is between two with them."""
    return [
        Beside(
            throughput=(_per_s(before) + _per_s(after)) / 2 / _per_s(turn),
            cpu_us=(_cpu_us(before) + _cpu_us(after)) / 2,
            without_us=_cpu_us(turn),
        )
        for before, turn, after in zip(turns, turns[1:], turns[2:], strict=False)
        if before.is_told and after.is_told and not turn.is_told
    ]


def told(found: Sequence[Beside]) -> str:
    """Return in words what was found, by medians."""
    shares = sorted(each.throughput for each in found)
    # Ranks between which the median lies in 19 of 20 series.
    reach = round(0.98 * len(shares) ** 0.5)
    low, high = shares[len(shares) // 2 - reach], shares[len(shares) // 2 + reach]
    cost_us = median(each.cpu_us - each.without_us for each in found)
    return (
        f"throughput is {median(shares):.1%} of that without ({low:.1%} to {high:.1%};"
        f" {len(shares)} turns), {cost_us:.1f} of {median(each.cpu_us for each in found):.0f} µs of"
        " CPU"
    )


def _per_s(turn: Turn) -> float:
    return turn.answers / turn.wall_s


def _cpu_us(turn: Turn) -> float:
    return turn.cpu_s / turn.answers * 1e6


def in_a_line(method: object, path: object, body: object) -> str:
    """Return a request as the hammering client takes it."""
    return str(path) if body is None else f"{method}\t{path}\t\t{json.dumps(body)}"


def first_pages(folder: Path) -> list[str]:
    """Return the paths of everybody's feed."""
    with sqlite3.connect(folder / "socialfeed.sqlite3") as connection:
        found = [f"/v1/feeds/{row[0]}" for row in connection.execute("SELECT user_id FROM users")]
    connection.close()
    return found

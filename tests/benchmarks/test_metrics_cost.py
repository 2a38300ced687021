"""What it costs that each box is timed and counted: see `turns.py` for how it is measured.

Of a warm feed page, which is the least that a request takes, and of the mixed load that the server
is flooded with elsewhere; and of nothing, as a control: pages, and turns that are all the same.
"""

import json
import math
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
import timeit
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from server.adapters.metrics import Metrics
from server.ports.telemetry import Stopwatch
from sim.theory.intervals import Interval, mean_interval
from tests.benchmarks.side_by_side import hammered
from tests.benchmarks.test_overload import mixture
from tests.benchmarks.turns import CONTROL, COST, Turn, silent_stopwatch, turns_in
from tests.benchmarks.worlds import known, pin
from tests.e2e.serving import Serving, serving

USERS = 400
PROCESSES = 10
SECONDS = 8
# Between the client's last answer that counts, and its end.
ENDING_S = 0.5
CONNECTIONS = 8
CONFIDENCE = 0.95
LOOPS = 20_000


@dataclass(frozen=True)
class Cost:
    """Medians over the pairs of turns of one process.

    Attributes:
        pairs: how many.
        throughput: with metrics, as a share of that without.
        with_us, more_us: CPU of an answer with metrics, and how much more that is than without.
    """

    pairs: int
    throughput: float
    with_us: float
    more_us: float


@pytest.mark.timeout(600)
def test_metrics_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data"
    program = Path(sys.executable).with_name("socialfeed")
    world = ["--users", str(USERS), "--set", "activity.followers.mean=50"]
    subprocess.run([program, "populate", *world, "--data", folder], check=True)
    pages = first_pages(folder)
    mixed = [in_a_line(*each) for each in mixture(*known(folder))]
    found: dict[str, list[Cost]] = defaultdict(list)
    for number in range(PROCESSES):
        for kind in (COST, CONTROL):
            copy = shutil.copytree(folder, tmp_path / f"{kind}-{number}")
            with turning(copy, kind, seed=number) as (server, file):
                for path in pages:
                    server.send("GET", path)
                loads = {"a warm page": pages, "the mixed load": mixed}
                if kind == CONTROL:
                    loads = {"control, a warm page": pages}
                for what, load in loads.items():
                    found[what].append(cost_in(seen(server, file, load)))
    with capsys.disabled():
        print(f"\n{loops_told()}")
        for what, costs in found.items():
            print(f"metrics by box, {what}: {told(costs)}")


@contextmanager
def turning(folder: Path, kind: str, *, seed: int) -> Iterator[tuple[Serving, Path]]:
    """Run a server on a folder; yields it and the file of its turns."""
    file, program = folder.with_suffix(".turns"), folder.with_suffix(".program")
    root, module = Path(__file__).parents[2], Path(__file__).with_name("turns.py")
    words = [sys.executable, str(module), str(file), str(seed), kind]
    path = shlex.quote(str(root))
    program.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {shlex.join(words)} "$@"\n')
    program.chmod(0o755)
    with serving(program, folder, "--open") as server:
        pin(server.process.pid)
        yield server, file


def seen(server: Serving, file: Path, requests: Sequence[str]) -> list[tuple[Turn, Turn]]:
    """Send requests as fast as they are answered; returns pairs of turns, told and untold.

    Only those that lie wholly within the time that the client measures.
    """
    hammered(server.process.pid, server.port, requests, connections=CONNECTIONS, seconds=SECONDS)
    until_s = time.perf_counter() - ENDING_S
    pairs: dict[int, list[Turn]] = defaultdict(list)
    for turn in turns_in(file.read_text()):
        if until_s - SECONDS <= turn.began_s and turn.ended_s <= until_s:
            pairs[turn.pair].append(turn)
    both = [sorted(turns, key=lambda turn: not turn.is_told) for turns in pairs.values()]
    return [(turns[0], turns[1]) for turns in both if len(turns) == 2]


def cost_in(pairs: Sequence[tuple[Turn, Turn]]) -> Cost:
    """Return what pairs of turns, told and untold, say of their process."""
    ratios = [math.log(with_it.per_s / without.per_s) for with_it, without in pairs]
    return Cost(
        pairs=len(pairs),
        throughput=math.exp(median(ratios)),
        with_us=median(with_it.cpu_us for with_it, _ in pairs),
        more_us=median(with_it.cpu_us - without.cpu_us for with_it, without in pairs),
    )


def told(costs: Sequence[Cost]) -> str:
    """Return in words what processes say together: each is one observation."""
    share = mean_interval([each.throughput for each in costs], confidence=CONFIDENCE)
    more_us = mean_interval([each.more_us for each in costs], confidence=CONFIDENCE)
    return (
        f"throughput is {in_words(share, '.1%')} of that without, CPU of an answer"
        f" {in_words(more_us, '.1f')} more of {median(each.with_us for each in costs):.0f} µs"
        f" ({CONFIDENCE:.0%} intervals over {len(costs)} processes of"
        f" {median(each.pairs for each in costs):.0f} pairs; throughput by process:"
        f" {', '.join(f'{each.throughput:.1%}' for each in costs)})"
    )


def in_words(found: Interval, form: str) -> str:
    """Return an estimate with its interval."""
    return f"{found.estimate:{form}} ({found.low:{form}} to {found.high:{form}})"


def loops_told() -> str:
    """Return in words what telling one visit to two boxes takes in a loop of its own."""
    metrics = Metrics()

    def in_a_span() -> None:
        with metrics.span("a_box") as visit:
            visit.on_to("another")

    def with_a(watch: Stopwatch) -> Callable[[], None]:
        def visit() -> None:
            started_s = watch.start()
            watch.stop(started_s, watch.lap())

        return visit

    return (
        f"in a loop of its own, a visit to two boxes: {loop_us(in_a_span):.2f} µs by a span,"
        f" {loop_us(with_a(metrics.stopwatch('a_box', 'another'))):.2f} µs by a stopwatch, of"
        f" which {loop_us(with_a(silent_stopwatch(metrics))):.2f} µs are on both sides below"
    )


def loop_us(act: Callable[[], None]) -> float:
    """Return what an act takes, less what a call that does nothing takes; the least of some."""
    taken_s, nothing_s = (
        min(timeit.repeat(each, number=LOOPS, repeat=9)) for each in (act, lambda: None)
    )
    return (taken_s - nothing_s) / LOOPS * 1e6


def in_a_line(method: object, path: object, body: object) -> str:
    """Return a request as the hammering client takes it."""
    return str(path) if body is None else f"{method}\t{path}\t\t{json.dumps(body)}"


def first_pages(folder: Path) -> list[str]:
    """Return the paths of everybody's feed."""
    with closing(sqlite3.connect(folder / "socialfeed.sqlite3")) as connection:
        rows = connection.execute("SELECT user_id FROM users")
        return [f"/v1/feeds/{user_id}" for (user_id,) in rows]

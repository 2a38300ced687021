"""How load tests end that do not end well: interrupted, killed, with a generator lost."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.e2e.load import SMALL, toy_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_Found = TypeVar("_Found")

LOAD = (*SMALL, "--rate", "50", "--duration", "30s", "--json")


@contextmanager
def running(program: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a load test; it is killed at the end if it still runs."""
    with subprocess.Popen(
        [program, "loadtest", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            yield run
        finally:
            run.kill()


def children(process: int) -> list[int]:
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(each) for each in text.split()]


def command_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except FileNotFoundError:
        return ""


def descendants(process: int) -> set[int]:
    own = children(process)
    return {*own, *(each for child in own for each in descendants(child))}


def eventually(found: Callable[[], _Found], *, within_s: float = 60.0) -> _Found:
    """Return the first true value, or the last value when time is up."""
    until_s = time.monotonic() + within_s
    while not (value := found()) and time.monotonic() < until_s:
        time.sleep(0.1)
    return value


def generators(run: "subprocess.Popen[str]") -> list[int]:
    """The processes that Locust runs in."""
    return [each for each in descendants(run.pid) if "locust" in command_of(each)]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_generator_that_is_killed_makes_the_run_invalid(program: Path, processes: int) -> None:
    with (
        toy_server() as url,
        running(program, "--host", url, *LOAD, "--processes", str(processes)) as run,
    ):
        wanted = processes + (processes > 1)
        eventually(lambda: len(generators(run)) == wanted)
        time.sleep(6)
        # Of several, the last one started is a worker; the first is their parent.
        os.kill(max(generators(run)), signal.SIGKILL)
        begun_s = time.monotonic()
        stdout, stderr = run.communicate(timeout=60)

    assert run.returncode == 4
    assert time.monotonic() - begun_s < 25
    document = json.loads(stdout)
    assert not document["valid"]
    assert "ended before the run was over" in document["invalid_because"][0]
    assert "not valid" in stderr


@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_is_left_of_a_load_test_that_is_killed(program: Path, processes: int) -> None:
    with running(program, *LOAD, "--processes", str(processes)) as run:
        eventually(lambda: len(generators(run)) >= processes, within_s=120)
        left = descendants(run.pid)
        served = [each for each in left if " serve " in command_of(each)]
        run.kill()
        run.wait()
        is_gone = eventually(lambda: not any(command_of(each) for each in left), within_s=15)

    assert served
    assert is_gone


def test_ctrl_c_in_a_search_keeps_the_levels(program: Path, tmp_path: Path) -> None:
    with (
        toy_server("--fan-out-s", "1.5") as url,
        running(
            program,
            *("--host", url, *SMALL, "--find-max", "--rate", "20", "--duration", "1s"),
            *("--json", "--out", str(tmp_path / "found")),
        ) as run,
    ):
        # A level takes about four seconds, half of them until it is worked off.
        eventually(lambda: generators(run))
        time.sleep(14)
        run.send_signal(signal.SIGINT)
        stdout, stderr = run.communicate(timeout=40)

    assert run.returncode == 130
    assert "interrupted" in stderr
    document = json.loads(stdout)
    assert document["levels"]
    assert document["run"]["interrupted"]
    assert (tmp_path / "found" / "report.html").exists()


def test_ctrl_c_while_a_master_waits_ends_it_at_once(program: Path) -> None:
    with (
        toy_server() as url,
        running(program, "--host", url, *LOAD, "--master", "--listen", "127.0.0.3:5561") as run,
    ):
        eventually(lambda: generators(run))
        time.sleep(2)
        run.send_signal(signal.SIGINT)
        begun_s = time.monotonic()
        stdout, stderr = run.communicate(timeout=60)

    assert run.returncode == 130
    assert time.monotonic() - begun_s < 10
    assert not stdout
    assert "waiting for 1 of `socialfeed loadtest --worker 127.0.0.3:5561`" in stderr
    assert "interrupted before anything was measured" in stderr


def test_ctrl_c_while_the_world_is_made_says_so(program: Path) -> None:
    with running(program, "--world", "20K", "--rate", "50") as run:
        eventually(lambda: children(run.pid))
        time.sleep(1)
        run.send_signal(signal.SIGINT)
        stdout, stderr = run.communicate(timeout=60)

    assert run.returncode == 130
    assert not stdout
    assert "interrupted before anything was measured" in stderr

"""A server of one's own for a load test: filled with a world, started, stopped."""

import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from scenarios.fanout import Fanout
from scenarios.model import Scenario
from sim.loadtest.cores import pin
from sim.loadtest.errors import ServerStartError
from sim.loadtest.tied import tied
from sim.loadtest.world import World

_READY = re.compile(r"http://\S+")
_STOP_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A server that runs, and the world that it was filled with."""

    process: subprocess.Popen[str]
    url: str
    world: World

    @property
    def has_died(self) -> bool:
        """Whether it has ended although nobody has asked it to."""
        return self.process.poll() is not None


@dataclass(frozen=True, slots=True)
class Program:
    """How `socialfeed` is called, and what it serves.

    Attributes:
        command: that calls it, such as `("socialfeed",)`.
        scenario: name or path, with the `--set` options that go with it.
        fanout: who fills the feeds.
        push_threshold: followers above which the hybrid design pulls.
        serve_options: more options of `serve`.
    """

    command: Sequence[str]
    scenario: Sequence[str]
    fanout: Fanout
    push_threshold: int
    serve_options: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        command: Sequence[str],
        scenario: Scenario,
        *,
        named: str,
        sets: Sequence[str] = (),
        serve_options: Sequence[str] = (),
    ) -> Self:
        """Return how a scenario, which is `named` so and changed by `sets`, is served."""
        words = [named, *(word for each in sets for word in ("--set", each))]
        threshold = round(scenario.feed.push_threshold)
        return cls(command, words, scenario.fanout, threshold, serve_options)


@contextmanager
def own_server(
    program: Program, *, users: int, seed: int, cores: frozenset[int] = frozenset()
) -> Iterator[OwnServer]:
    """Fill a temporary folder, serve it on a free port, and remove all of it at the end.

    Raises:
        ServerStartError: if it cannot be filled or started.
    """
    with tempfile.TemporaryDirectory(prefix="socialfeed-world-") as name:
        folder = Path(name)
        world = _populated(program, folder, users=users, seed=seed)
        command = [
            *(*program.command, "serve", "--port", "0", "--data", str(folder / "data")),
            *("--fanout", program.fanout, "--push-threshold", str(program.push_threshold)),
            *program.serve_options,
        ]
        # Its messages go to a file: a pipe that nobody reads would stop it once full.
        log = folder / "server.log"
        with log.open("w") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program
                tied(command, by=signal.SIGINT),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        try:
            pin(process.pid, cores)
            yield OwnServer(process, _url(process, command), world)
        finally:
            _end(process)


def _populated(program: Program, folder: Path, *, users: int, seed: int) -> World:
    manifest = folder / "world.npz"
    command = [
        *(*program.command, "populate", *program.scenario),
        *("--users", str(users), "--seed", str(seed)),
        *("--data", str(folder / "data"), "--manifest", str(manifest)),
        *("--feeds", program.fanout, "--push-threshold", str(program.push_threshold)),
    ]
    done = subprocess.run(  # noqa: S603 - our own program
        tied(command, by=signal.SIGTERM),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerStartError(command=command, output=done.stderr)
    return World.read(manifest)


def _url(process: "subprocess.Popen[str]", command: Sequence[str]) -> str:
    assert process.stderr is not None  # noqa: S101 - for the type checker
    line = process.stderr.readline()
    ready = _READY.search(line)
    if ready is None:
        raise ServerStartError(command=command, output=line + process.stderr.read())
    return ready[0]


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        # SIGINT, not SIGTERM: nobody has to turn away from it first.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()

"""A server whose metrics are told nothing by box every other tenth of a second.

Two processes of the same program differ by some percent for as long as they live, for where things
lie in memory, and two seconds by more, for what else the machine does: so one process does both,
and what it measures lies close together. `python turns.py FILE ARGUMENTS...` is `socialfeed
ARGUMENTS...` and writes a line to FILE for each turn.

What stays while nothing is told: a `with` around two empty methods at each span, calls of empty
functions at each reading of a stopwatch, the counts of caches and of answers, and the envelope's
clock. So the measured cost is less than that of all metrics.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

import server.app
from cli.main import main
from server.adapters.metrics import Metrics, _Stopwatch
from server.ports.telemetry import Stopwatch, Timed

TURN_S = 0.1


@dataclass(frozen=True)
class Turn:
    """What was done while metrics were told, or were not.

    Attributes:
        cpu_s: of all threads.
    """

    is_told: bool
    answers: int
    wall_s: float
    cpu_s: float


def turns_in(text: str) -> list[Turn]:
    """Return the turns of lines that a server has written."""
    return [Turn(**json.loads(line)) for line in text.splitlines()]


class _Untimed:
    timings = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def on_to(self, box: str) -> None:
        pass


class _Turning(Metrics):
    """Metrics that change their class by turns."""

    file: ClassVar[Path]

    def __init__(self, *, is_metered: bool = False) -> None:
        super().__init__(is_metered=is_metered)
        self._watches: list[_Stopwatch] = []
        self._begin()

    def stopwatch(self, box: str, inner_box: str) -> Stopwatch:
        """Return a stopwatch that takes part."""
        watch = _Stopwatch(self, box, inner_box)
        self._watches.append(watch)
        return watch

    def _begin(self) -> None:
        self._began = (sum(self._answers.values()), time.perf_counter(), time.process_time())
        asyncio.get_running_loop().call_later(TURN_S, self._turn)

    def _turn(self) -> None:
        answers, began_s, began_cpu_s = self._began
        turn = Turn(
            is_told=not isinstance(self, _Silent),
            answers=sum(self._answers.values()) - answers,
            wall_s=time.perf_counter() - began_s,
            cpu_s=time.process_time() - began_cpu_s,
        )
        with self.file.open("a") as file:
            file.write(json.dumps(asdict(turn)) + "\n")
        self._change()
        self._begin()

    def _change(self) -> None:
        self.__class__ = _Silent
        for watch in self._watches:
            watch.__class__ = _SilentStopwatch
            watch.start = watch.lap = _no_time


class _Silent(_Turning):
    """Tells nothing by box."""

    def span(self, box: str) -> _Untimed:  # noqa: ARG002
        """Return what times nothing."""
        return _UNTIMED

    def collect_visits(self) -> list[Timed]:
        """Return what no visits are added to."""
        return _NO_VISITS

    def _change(self) -> None:
        self.__class__ = _Turning  # type: ignore[assignment]
        for watch in self._watches:
            watch.__class__ = _Stopwatch
            watch.start = watch.lap = time.perf_counter


class _SilentStopwatch(_Stopwatch):
    __slots__ = ()

    def stop(self, started_s: float, lap_s: float) -> None:
        """Do nothing."""


def _no_time() -> float:
    return 0.0


_UNTIMED = _Untimed()
_NO_VISITS: list[Timed] = []


if __name__ == "__main__":
    _Turning.file = Path(sys.argv.pop(1))
    server.app.Metrics = _Turning  # type: ignore[attr-defined]
    main()

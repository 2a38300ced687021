"""A server whose metrics are told by box for a short turn, and then not for one, or the reverse.

Two processes of one program differ by some percent for as long as they live, and two seconds of one
by more, for what else the machine does: so one process does both, and what is compared lies side by
side. Which of two turns comes first is drawn, since the server has clocks of its own: what it does
once a second would else fall on turns of one kind.

`python turns.py FILE SEED KIND ARGUMENTS...` is `socialfeed ARGUMENTS...` and writes a line to FILE
for each turn. With the kind `control` turns are marked, and all the same.

What stays in a turn in which nothing is told: a `with` around two empty methods at each span, calls
of empty functions where a stopwatch is read, and the counts of caches and answers. A change of
class makes the interpreter look for methods anew, for some fifty requests.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

import server.app
from cli.main import main
from server.adapters.metrics import Metrics, _Stopwatch
from server.ports.telemetry import Stopwatch, Timed

TURN_S = 0.07
COST, CONTROL = "cost", "control"


@dataclass(frozen=True)
class Turn:
    """What was done while metrics were told, or were not.

    Attributes:
        pair: number of the pair of turns, one of each kind, that it is of.
        began_s, ended_s: by the machine's clock that never goes back.
        cpu_s: of all threads.
    """

    pair: int
    is_told: bool
    began_s: float
    ended_s: float
    answers: int
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return self.answers / (self.ended_s - self.began_s)

    @property
    def cpu_us(self) -> float:
        """CPU of an answer, microseconds."""
        return self.cpu_s / self.answers * 1e6


def turns_in(text: str) -> list[Turn]:
    """Return the turns of lines that a server writes, the last perhaps not to its end."""
    return [Turn(**json.loads(line)) for line in text.split("\n")[:-1]]


class Untimed:
    """In place of spans and of stopwatches: does nothing."""

    timings = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def on_to(self, box: str) -> None:
        """Do nothing."""


class _Turning(Metrics):
    """Metrics that change their class by turns."""

    file: ClassVar[Path]
    rng: ClassVar[np.random.Generator]
    is_control: ClassVar[bool]

    def __init__(self, *, is_metered: bool = False) -> None:
        assert not is_metered
        super().__init__()
        self._watches: list[_Stopwatch] = []
        self._pair = 0
        self._is_told = True
        self._begin()

    def stopwatch(self, box: str, inner_box: str) -> Stopwatch:
        """Return a stopwatch that takes part."""
        watch = super().stopwatch(box, inner_box)
        assert isinstance(watch, _Stopwatch)
        self._watches.append(watch)
        return watch

    def _begin(self) -> None:
        self._began = (time.perf_counter(), sum(self._answers.values()), time.process_time())
        asyncio.get_running_loop().call_later(TURN_S, self._end)

    def _end(self) -> None:
        began_s, answers, cpu_s = self._began
        turn = Turn(
            pair=self._pair // 2,
            is_told=self._is_told,
            began_s=began_s,
            ended_s=time.perf_counter(),
            answers=sum(self._answers.values()) - answers,
            cpu_s=time.process_time() - cpu_s,
        )
        with self.file.open("a") as file:
            file.write(json.dumps(asdict(turn)) + "\n")
        self._pair += 1
        self._is_told = not self._is_told if self._pair % 2 else bool(self.rng.integers(2))
        if not self.is_control:
            self._change(is_told=self._is_told)
        self._begin()

    def _change(self, *, is_told: bool) -> None:
        self.__class__ = _Turning if is_told else _Silent
        for watch in self._watches:
            watch.__class__ = _Stopwatch if is_told else SilentStopwatch
            watch.start = watch.lap = time.perf_counter if is_told else _no_time


class _Silent(_Turning):
    """Tells nothing by box."""

    def span(self, box: str) -> Untimed:  # noqa: ARG002
        """Return what times nothing."""
        return _UNTIMED

    def collect_visits(self) -> list[Timed]:
        """Return what no visits are added to."""
        return _NO_VISITS


class SilentStopwatch(_Stopwatch):
    """Tells nothing."""

    __slots__ = ()

    def stop(self, started_s: float, lap_s: float) -> None:
        """Do nothing."""


def _no_time() -> float:
    return 0.0


def silent_stopwatch(metrics: Metrics) -> Stopwatch:
    """Return what stays of a stopwatch in a turn in which nothing is told."""
    watch = SilentStopwatch(metrics, "a_box", "another")
    watch.start = watch.lap = _no_time
    return watch


_UNTIMED = Untimed()
_NO_VISITS: list[Timed] = []


if __name__ == "__main__":
    _Turning.file = Path(sys.argv.pop(1))
    _Turning.rng = np.random.default_rng(int(sys.argv.pop(1)))
    _Turning.is_control = sys.argv.pop(1) == CONTROL
    server.app.Metrics = _Turning  # type: ignore[attr-defined]
    main()

"""How fast the machine is while something is measured: a shared machine is not always the same."""

import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

EVERY_S = 0.2
_STEPS = 3_000
"""Half a millisecond: 0.3 % of a core, and no request waits for longer."""


@dataclass(slots=True)
class Yardstick:
    """CPU seconds that a fixed piece of Python has taken, again and again."""

    rounds_s: list[float] = field(default_factory=list)

    @property
    def median_s(self) -> float:
        """The median of what was measured until now."""
        return statistics.median(self.rounds_s)


@contextmanager
def yardstick(cores: frozenset[int]) -> Iterator[Yardstick]:
    """Measure several times a second, on these cores, while what is inside goes on."""
    found, over = Yardstick(), threading.Event()

    def measure() -> None:
        if cores:
            # Of this thread alone.
            os.sched_setaffinity(0, cores)
        while True:
            found.rounds_s.append(_one_round_s())
            if over.wait(EVERY_S):
                return

    thread = threading.Thread(target=measure, name="yardstick")
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _one_round_s() -> float:
    begun_s = time.thread_time()
    found: dict[str, int] = {}
    for step in range(_STEPS):
        found[str(step & 1023)] = step
    return time.thread_time() - begun_s

"""How fast the machine is at the moment: shared machines are not always equally fast."""

import os
import time
from collections.abc import Iterable

_ROUNDS = 7
_STEPS = 40_000


def yardstick_s(cores: Iterable[int] = ()) -> float:
    """Return the CPU seconds of a fixed piece of Python, on these cores: the median of a few."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    wanted = set(cores)
    if wanted and allowed:
        os.sched_setaffinity(0, wanted)
    try:
        return sorted(_one_round_s() for _ in range(_ROUNDS))[_ROUNDS // 2]
    finally:
        if wanted and allowed:
            os.sched_setaffinity(0, allowed)


def _one_round_s() -> float:
    begun_s = time.thread_time()
    found: dict[str, int] = {}
    for step in range(_STEPS):
        found[str(step & 1023)] = step
    return time.thread_time() - begun_s

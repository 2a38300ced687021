"""How much more a fixed piece of Python takes after a sleep, and how that grows with the sleep.

The server's threads and its loop sleep between requests that come one by one; what wakes then finds
little of what it needs in the processor's caches. `cools_in` of `one_machine` is from such pieces.
"""

import json
import math
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
import pytest
from scipy.optimize import curve_fit

from tests.benchmarks.worlds import SERVER_CORE

Post = Mapping[str, object]
SLEEPS_S = (0.0, 0.0001, 0.0003, 0.001, 0.003, 0.010, 0.030, 0.100)
LONGEST_S = 10 * SLEEPS_S[-1]
"""That is told of cooling: what takes longer looks like a straight line in these sleeps."""
ROUNDS = 65
"""Some 10 s for each size: a round sleeps for 0.15 s."""
SIZES = (60, 200)
"""Posts: more of them find less in the caches that are next to the core."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("size", SIZES)
def test_cold_caches(size: int, capsys: pytest.CaptureFixture[str]) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        taken_s = rounds(posts(size))
    finally:
        os.sched_setaffinity(0, before)
    medians_s = {slept_s: median(found) for slept_s, found in taken_s.items()}
    warm_s, cold_s, cools_in_s = fitted(medians_s)
    with capsys.disabled():
        print(f"\n{size} posts\n{'slept':>10}{'CPU, median':>14}{'fitted':>10}")
        for slept_s, found_s in medians_s.items():
            curve_s = grown(slept_s, warm_s, cold_s, cools_in_s)
            print(f"{slept_s * 1e3:7.1f} ms{found_s * 1e6:11.0f} us{curve_s * 1e6:7.0f} us")
        print(
            f"{warm_s * 1e6:.0f} us, and up to {cold_s * 1e6:.0f} us more: "
            f"1 - exp(-t / {cools_in_s * 1e3:.1f} ms) of it after t"
        )
    assert all(len(found) == ROUNDS for found in taken_s.values())


def posts(size: int) -> Sequence[Post]:
    return [
        {"id": number, "author": f"user{number % 17}", "text": "a post of some words " * 4}
        for number in range(size)
    ]


def rounds(made_of: Sequence[Post]) -> Mapping[float, Sequence[float]]:
    """Return the CPU seconds of the piece of work by how long it had slept, sleeps by turns."""
    rng = np.random.default_rng(1)
    taken_s: dict[float, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for slept_s in rng.permutation(SLEEPS_S):
            # What is warm is so after the work itself, not after the sleep before.
            work_s(made_of)
            if slept_s:
                time.sleep(slept_s)
            taken_s[float(slept_s)].append(work_s(made_of))
    return {slept_s: taken_s[slept_s] for slept_s in SLEEPS_S}


def work_s(made_of: Sequence[Post]) -> float:
    """Make JSON as a feed page does, and return the CPU seconds that it took."""
    begun_s = time.thread_time()
    json.dumps([{**post, "text": str(post["text"]).title()} for post in made_of])
    return time.thread_time() - begun_s


def grown(slept_s: float, warm_s: float, cold_s: float, cools_in_s: float) -> float:
    return warm_s - cold_s * math.expm1(-slept_s / cools_in_s)


def fitted(medians_s: Mapping[float, float]) -> tuple[float, float, float]:
    """Return what the work takes warm, what more when cold, and how soon it cools."""
    slept_s, found_s = np.array(list(medians_s)), np.array(list(medians_s.values()))
    found, _ = curve_fit(
        lambda slept, warm, cold, cools: warm - cold * np.expm1(-slept / cools),
        slept_s,
        found_s,
        p0=(found_s[0], np.ptp(found_s), 0.03),
        sigma=found_s,
        bounds=(0, (np.inf, np.inf, LONGEST_S)),
    )
    warm_s, cold_s, cools_in_s = (float(each) for each in found)
    return warm_s, cold_s, cools_in_s

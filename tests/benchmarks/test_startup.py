"""Wall time from starting the program to its answer: run with `pytest tests/benchmarks`."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUNS = 15
TARGETS_S = {"--help": 0.3, "estimate": 0.5}


def wall_s(arguments: list[str]) -> float:
    """Seconds one run takes."""
    program = Path(sys.executable).with_name("socialfeed")
    started_s = time.perf_counter()
    subprocess.run([program, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started_s


def test_startup(capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for command, target_s in TARGETS_S.items():
        wall_s([command])  # the first one fills the caches
        walls_s = [wall_s([command]) for _ in range(RUNS)]
        rows.append(
            f"{command:<10} {statistics.median(walls_s):8.3f} {max(walls_s):8.3f} {target_s:8.1f}"
        )

    with capsys.disabled():
        print(f"\n{'command':<10} {'median_s':>8} {'max_s':>8} {'target_s':>8}")
        print(*rows, sep="\n")

"""What a load test tells while it runs, and how it words times."""

import pytest

from sim.loadtest.snapshot import snapshot_line
from sim.loadtest.wording import told_time
from tests.unit.loadtest.runs import run, second


def test_rates_are_those_of_the_measured_time() -> None:
    half_warm = {**second(0, requests=50), "from_s": 0.5, "to_s": 1.5}
    line = snapshot_line(run([half_warm, second(1)]), width=200)

    # 50 requests in the half second that is measured, and 100 in the second after it.
    assert "offered 100/s" in line


def test_figures_are_not_broken_at_80_columns() -> None:
    lines = snapshot_line(run(), width=80).splitlines()

    assert all(len(line) <= 80 for line in lines)
    assert [figure for line in lines for figure in line.split("  ")] == snapshot_line(
        run(), width=500
    ).split("  ")


@pytest.mark.parametrize(
    ("time_s", "told"),
    [(0.0000123, "12.3 us"), (0.092612, "92.6 ms"), (1.5, "1.5 s"), (71.04, "71 s")],
)
def test_times_have_three_digits_and_no_minutes(time_s: float, told: str) -> None:
    assert told_time(time_s) == told

"""Histograms that travel and merge."""

import subprocess
import sys

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from sim.loadtest.histograms import encoded, mean_s, merged, microseconds, new_histogram, quantile_s


def recorded(times_s: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> HdrHistogram:
    histogram = new_histogram()
    for time_s in times_s.tolist():
        histogram.record_value(microseconds(time_s))
    return histogram


def test_two_merged_equal_one() -> None:
    times_s = np.random.default_rng(1).lognormal(-5, 1, 10_000)

    both = merged([encoded(recorded(times_s[:3_000])), encoded(recorded(times_s[3_000:]))])

    one = recorded(times_s)
    assert encoded(both) == encoded(one)
    for share in (0.5, 0.9, 0.99, 0.999):
        assert quantile_s(both, share) == quantile_s(one, share)


def test_histograms_of_two_processes_merge_into_that_of_one() -> None:
    program = (
        "import sys; from sim.loadtest.histograms import *\n"
        "one = new_histogram()\n"
        "for value in sys.stdin: one.record_value(int(value))\n"
        "print(encoded(one))"
    )
    values = [str(microseconds(each)) for each in np.random.default_rng(2).lognormal(-5, 1, 2_000)]

    def told_by_a_process(part: list[str]) -> str:
        return subprocess.run(
            [sys.executable, "-c", program],
            input="\n".join(part),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    both = merged([told_by_a_process(values[:700]), told_by_a_process(values[700:])])

    assert encoded(both) == told_by_a_process(values)


def test_a_quantile_is_within_a_thousandth() -> None:
    times_s = np.random.default_rng(1).lognormal(-5, 1, 20_000)

    assert quantile_s(recorded(times_s), 0.99) == pytest.approx(
        float(np.quantile(times_s, 0.99, method="inverted_cdf")), rel=1.5e-3
    )
    assert mean_s(recorded(times_s)) == pytest.approx(float(times_s.mean()), rel=1.5e-3)


def test_a_quantile_needs_a_value_beyond_it() -> None:
    histogram = recorded(np.full(99, 0.01))
    assert quantile_s(histogram, 0.99) is None

    histogram.record_value(10_000)

    assert quantile_s(histogram, 0.99) == pytest.approx(0.01, rel=1e-3)


def test_nothing_has_no_quantile() -> None:
    assert quantile_s(merged([]), 0.5) is None
    assert mean_s(merged([])) is None

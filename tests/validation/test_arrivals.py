"""Arrivals: rate and dispersion in every slice, nothing lost or gained where slices meet."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sim.arrivals import arrival_times_s
from sim.theory.intervals import mean_interval

EDGES_S = (0.0, 10.0, 25.0, 40.0, 60.0)
RATES_PER_S = (3.0, 0.0, 8.0, 0.5)
DAYS = 4_000
CONFIDENCE = 0.9995


def day(rng: np.random.Generator) -> NDArray[np.float64]:
    return arrival_times_s(rng, edges_s=EDGES_S, rates_per_s=RATES_PER_S)


@pytest.fixture(scope="module")
def days() -> list[NDArray[np.float64]]:
    rng = np.random.default_rng(3)
    return [day(rng) for _ in range(DAYS)]


def counts(days: list[NDArray[np.float64]], begin_s: float, end_s: float) -> NDArray[np.int64]:
    return np.array([np.count_nonzero((each >= begin_s) & (each < end_s)) for each in days])


def assert_poisson(found: NDArray[np.int64], *, mean: float) -> None:
    """Check mean and variance over mean, which is one, against their distributions."""
    assert mean_interval(found.tolist(), confidence=CONFIDENCE).covers(mean)
    dispersion = float(np.var(found, ddof=1) / mean) * (len(found) - 1)
    low, high = stats.chi2.interval(CONFIDENCE, len(found) - 1)
    assert low < dispersion < high


@pytest.mark.parametrize(("begin_s", "end_s", "mean"), [(0, 10, 30), (25, 40, 120), (40, 60, 10)])
def test_a_slice_has_its_rate_and_the_dispersion_of_a_poisson_process(
    days: list[NDArray[np.float64]], begin_s: float, end_s: float, mean: float
) -> None:
    assert_poisson(counts(days, begin_s, end_s), mean=mean)


@pytest.mark.parametrize(("begin_s", "end_s", "mean"), [(8, 12, 6), (23, 27, 16), (39, 41, 8.5)])
def test_nothing_is_lost_where_slices_meet(
    days: list[NDArray[np.float64]], begin_s: float, end_s: float, mean: float
) -> None:
    assert_poisson(counts(days, begin_s, end_s), mean=mean)


def test_counts_of_neighbouring_slices_are_independent(days: list[NDArray[np.float64]]) -> None:
    before, after = counts(days, 39, 40), counts(days, 40, 42)

    assert stats.pearsonr(before, after).pvalue > 1 - CONFIDENCE


def test_nobody_comes_in_a_slice_without_a_rate(days: list[NDArray[np.float64]]) -> None:
    assert counts(days, 10, 25).sum() == 0


def test_a_first_and_a_last_slice_may_be_empty() -> None:
    times_s = arrival_times_s(
        np.random.default_rng(1), edges_s=(0, 5, 6, 9), rates_per_s=(0.0, 1_000.0, 0.0)
    )

    assert len(times_s) > 800
    assert 5 <= times_s.min() < times_s.max() < 6


def test_no_rate_at_all_means_no_arrivals() -> None:
    times_s = arrival_times_s(np.random.default_rng(1), edges_s=(0, 5), rates_per_s=(0.0,))

    assert times_s.shape == (0,)


def test_times_rise(days: list[NDArray[np.float64]]) -> None:
    assert all(np.all(np.diff(each) >= 0) for each in days)


def gaps_s() -> NDArray[np.float64]:
    """Gaps within the middle one of three slices, of 8 arrivals a second."""
    times_s = arrival_times_s(
        np.random.default_rng(5), edges_s=(0, 10, 2_000, 2_010), rates_per_s=(1.0, 8.0, 2.0)
    )
    return np.diff(times_s[(times_s >= 10) & (times_s < 2_000)])


def test_gaps_within_a_slice_are_exponential() -> None:
    assert stats.kstest(gaps_s(), stats.expon(scale=1 / 8).cdf).pvalue > 1 - CONFIDENCE


def test_gaps_of_another_rate_would_be_told_apart() -> None:
    assert stats.kstest(gaps_s(), stats.expon(scale=1 / 7.6).cdf).pvalue < 1 - CONFIDENCE


def test_on_the_scale_of_expected_arrivals_a_day_is_uniform(
    days: list[NDArray[np.float64]],
) -> None:
    expected = np.interp(np.concatenate(days[:500]), EDGES_S, [0, 30, 30, 150, 160])

    assert stats.kstest(expected / 160, stats.uniform.cdf).pvalue > 1 - CONFIDENCE


@pytest.mark.parametrize(
    ("edges_s", "rates_per_s"),
    [((0, 1), (1.0, 1.0)), ((0, 1, 1), (1.0, 1.0)), ((1, 0), (1.0,)), ((0, 1), (-1.0,))],
)
def test_slices_that_make_no_day_are_refused(
    edges_s: tuple[float, ...], rates_per_s: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="rising edges"):
        arrival_times_s(np.random.default_rng(1), edges_s=edges_s, rates_per_s=rates_per_s)

"""Quantiles of Student's t and the normal distribution, and the intervals made with them."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from sim.theory.binomial import binomial_upper_tail
from sim.theory.errors import OutOfRangeError, TooFewSamplesError
from sim.theory.intervals import (
    RankInterval,
    mean_interval,
    quantile_interval,
    quantile_ranks,
    share_interval,
)
from sim.theory.normal import normal_quantile
from sim.theory.student_t import student_t_quantile


@given(
    degrees_of_freedom=st.one_of(st.integers(1, 200), st.floats(0.5, 1e8)),
    probability=st.floats(1e-9, 1 - 1e-9),
)
def test_student_quantiles_are_those_of_scipy(
    degrees_of_freedom: float, probability: float
) -> None:
    t = student_t_quantile(probability=probability, degrees_of_freedom=degrees_of_freedom)

    expected = float(stats.t.ppf(probability, degrees_of_freedom))
    assert t == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(probability=st.floats(1e-300, 1 - 1e-15))
def test_normal_quantiles_are_those_of_scipy(probability: float) -> None:
    expected = float(stats.norm.ppf(probability))

    assert normal_quantile(probability) == pytest.approx(expected, rel=1e-12, abs=1e-13)


@given(trials=st.integers(1, 100_000), data=st.data(), probability=st.floats(1e-6, 1 - 1e-6))
def test_binomial_tails_are_those_of_scipy(
    trials: int, data: st.DataObject, probability: float
) -> None:
    at_least = data.draw(st.integers(0, trials + 1))

    tail = binomial_upper_tail(trials=trials, at_least=at_least, probability=probability)

    expected = float(stats.binom.sf(at_least - 1, trials, probability))
    assert tail == pytest.approx(expected, rel=1e-7, abs=1e-290)


def test_ten_replications_give_the_textbooks_interval() -> None:
    # Law, Simulation Modeling and Analysis, section 4.5: 1.34 ± 0.24 at 90 %.
    interval = mean_interval(
        [1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09], confidence=0.90
    )

    assert interval.estimate == pytest.approx(1.34, abs=0.005)
    assert interval.half_width == pytest.approx(0.24, abs=0.005)


def test_ninety_five_percent_of_mean_intervals_cover_the_mean() -> None:
    runs = np.random.default_rng(8).normal(3.0, 2.0, (2_000, 5)).tolist()

    covering = sum(mean_interval(run, confidence=0.95).covers(3.0) for run in runs)

    assert stats.binomtest(covering, 2_000, 0.95).pvalue > 0.001


def test_one_replication_has_no_interval() -> None:
    with pytest.raises(TooFewSamplesError) as refusal:
        mean_interval([1.0], confidence=0.95)

    assert (refusal.value.samples, refusal.value.needed) == (1, 2)


def test_the_median_of_ten_lies_between_the_second_and_the_ninth() -> None:
    # David & Nagaraja, Order Statistics, section 7.1; the tables of the sign test.
    ranks = quantile_ranks(samples=10, quantile=0.5, confidence=0.95)

    assert ranks == RankInterval(low_rank=2, high_rank=9)


@given(
    samples=st.integers(1, 20_000),
    quantile=st.floats(0.01, 0.99),
    confidence=st.floats(0.5, 0.99),
)
def test_ranks_cover_the_quantile_and_closer_ones_would_not(
    samples: int, quantile: float, confidence: float
) -> None:
    missed = (1 - confidence) / 2
    assume(max(quantile, 1 - quantile) ** samples < missed * (1 - 1e-6))
    below = stats.binom(samples, quantile).cdf
    ranks = quantile_ranks(samples=samples, quantile=quantile, confidence=confidence)

    assert below(ranks.low_rank - 1) <= missed * (1 + 1e-6)
    assert below(ranks.low_rank) >= missed * (1 - 1e-6)
    assert 1 - below(ranks.high_rank - 1) <= missed * (1 + 1e-6)
    assert 1 - below(ranks.high_rank - 2) >= missed * (1 - 1e-6)


def test_quantile_intervals_of_samples_cover_the_quantile() -> None:
    rng = np.random.default_rng(9)
    true_s = float(stats.expon.ppf(0.9))

    covering = sum(
        quantile_interval(rng.exponential(1, 400).tolist(), quantile=0.9, confidence=0.95).covers(
            true_s
        )
        for _ in range(1_000)
    )

    assert stats.binomtest(covering, 1_000, 0.95, alternative="less").pvalue > 0.001


def test_the_estimate_is_the_value_that_the_share_does_not_exceed() -> None:
    values = [float(value) for value in range(100, 0, -1)]

    assert quantile_interval(values, quantile=0.9, confidence=0.9).estimate == 90


def test_too_few_samples_for_a_percentile_tell_how_many_it_takes() -> None:
    with pytest.raises(TooFewSamplesError) as refusal:
        quantile_ranks(samples=100, quantile=0.99, confidence=0.95)

    needed = refusal.value.needed
    assert 0.99**needed <= 0.025 < 0.99 ** (needed - 1)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_shares_have_the_published_wilson_intervals(
    successes: int, trials: int, low: float, high: float
) -> None:
    # Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine
    # 17 (1998) 857-872, table I, method 3.
    interval = share_interval(successes=successes, trials=trials, confidence=0.95)

    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@given(trials=st.integers(1, 10**6), data=st.data(), confidence=st.floats(0.5, 0.999))
def test_a_share_lies_within_its_interval_and_that_within_0_and_1(
    trials: int, data: st.DataObject, confidence: float
) -> None:
    successes = data.draw(st.integers(0, trials))

    interval = share_interval(successes=successes, trials=trials, confidence=confidence)

    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(OutOfRangeError, match="successes"):
        share_interval(successes=5, trials=4, confidence=0.95)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_a_confidence_in_percent_is_refused(confidence: float) -> None:
    with pytest.raises(OutOfRangeError, match="confidence"):
        mean_interval([1.0, 2.0], confidence=confidence)

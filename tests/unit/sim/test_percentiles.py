"""Percentiles of weighted samples, and when there are too few to tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.percentiles import LEAST_BEYOND, Samples, pooled_samples, quantile_interval_s

NOTHING = Samples.joined([])


def samples(*values_s: float, weight: float = 1.0) -> Samples:
    return Samples.joined([(np.array(values_s), weight)])


def test_equal_weights_give_the_usual_median() -> None:
    assert samples(*range(1, 22)).quantile_s(0.5) == 11


def test_a_sample_of_weight_three_counts_as_three() -> None:
    rng = np.random.default_rng(1)
    light, heavy = rng.exponential(1.0, 500), rng.exponential(5.0, 500)

    weighted = Samples.joined([(light, 1.0), (heavy, 3.0)])
    repeated = Samples.joined([(light, 1.0), (np.repeat(heavy, 3), 1.0)])

    for share in (0.5, 0.9, 0.95):
        assert weighted.quantile_s(share) == pytest.approx(repeated.quantile_s(share), rel=0.02)
    assert weighted.mean_s() == pytest.approx(repeated.mean_s())


def test_only_ratios_of_weights_count() -> None:
    values_s = np.random.default_rng(2).exponential(1.0, 400)

    one = Samples.joined([(values_s[:100], 1.0), (values_s[100:], 2.0)])
    other = Samples.joined([(values_s[:100], 50.0), (values_s[100:], 100.0)])

    assert one.quantile_s(0.95) == pytest.approx(other.quantile_s(0.95))


@given(
    values_s=st.lists(st.floats(0, 1e6), min_size=200, max_size=300),
    shares=st.lists(st.floats(0.01, 0.97), min_size=2, max_size=2).map(sorted),
)
def test_quantiles_rise_with_the_share_and_stay_within_the_sample(
    values_s: list[float], shares: list[float]
) -> None:
    low, high = (samples(*values_s).quantile_s(share) for share in shares)

    assert low is not None
    assert high is not None
    assert min(values_s) <= low <= high <= max(values_s)


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99, 0.999])
def test_a_quantile_is_told_from_the_first_size_with_enough_beyond_it(share: float) -> None:
    enough = round(LEAST_BEYOND / (1 - share))

    assert samples(*np.arange(enough + 1.0)).quantile_s(share) is not None
    assert samples(*np.arange(enough - 1.0)).quantile_s(share) is None


def test_of_nothing_nothing_is_told() -> None:
    assert NOTHING.mean_s() is None
    assert NOTHING.quantile_s(0.5) is None
    assert quantile_interval_s([], 0.5) is None
    assert quantile_interval_s([NOTHING, NOTHING, NOTHING], 0.5) is None
    assert len(pooled_samples([])) == 0


def test_two_replications_are_too_few_for_an_interval() -> None:
    replication = samples(*np.arange(100.0))

    assert quantile_interval_s([replication, replication], 0.5) is None
    assert quantile_interval_s([replication, replication, NOTHING], 0.5) is None


def test_an_interval_is_students_around_the_pooled_quantile() -> None:
    # Medians 10, 11 and 12: a standard error of 1/√3, and t with two degrees of freedom is 4.303.
    replications = [samples(*(centre + np.arange(-5.0, 6.0))) for centre in (10, 11, 12)]

    interval_s = quantile_interval_s(replications, 0.5)

    assert interval_s == pytest.approx((11 - 4.30265 / 3**0.5, 11 + 4.30265 / 3**0.5), rel=1e-4)


def test_an_interval_of_times_does_not_go_below_zero() -> None:
    replications = [samples(*np.full(50, value)) for value in (0.0, 0.0, 9.0)]

    interval_s = quantile_interval_s(replications, 0.5)

    assert interval_s is not None
    assert interval_s[0] == 0


def test_equal_replications_leave_no_doubt() -> None:
    replications = [samples(*np.arange(100.0))] * 4

    interval_s = quantile_interval_s(replications, 0.5)

    assert interval_s is not None
    assert interval_s[0] == pytest.approx(interval_s[1])

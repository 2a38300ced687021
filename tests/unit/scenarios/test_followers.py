"""The distribution of followers: its figures against draws from it."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.followers import FollowerDistribution, fitted_followers
from scenarios.loader import load

AUTHORS = 200_000
SEEDS = range(20)
TWITTER = fitted_followers(mean=35.25, tail_exponent=2.27, most=2_997_469)
SHORT_TAIL = fitted_followers(mean=191, tail_exponent=3.5, most=100_000)

# Followers are whole numbers: below a mean of some ten, rounding them moves the mean.
distributions = st.builds(
    fitted_followers,
    mean=st.floats(20, 1000),
    tail_exponent=st.floats(2.05, 10),
    most=st.floats(3000, 1e8),
)


def assert_in_interval(samples: list[float], expected: float) -> None:
    """Fail if the mean of independent samples is over four standard errors from `expected`."""
    error = float(np.std(samples, ddof=1)) / math.sqrt(len(samples))
    assert abs(float(np.mean(samples)) - expected) <= 4 * error


@given(mean=st.floats(1, 1000), tail_exponent=st.floats(2.05, 10), most=st.floats(3000, 1e8))
def test_the_fitted_distribution_has_the_mean_asked_for(
    mean: float, tail_exponent: float, most: float
) -> None:
    fitted = fitted_followers(mean=mean, tail_exponent=tail_exponent, most=most)

    assert fitted.mean == pytest.approx(mean, rel=1e-6)


def test_draws_have_the_mean() -> None:
    means = [float(SHORT_TAIL.draw(np.random.default_rng(seed), AUTHORS).mean()) for seed in SEEDS]

    assert_in_interval(means, SHORT_TAIL.mean)


@pytest.mark.parametrize("distribution", [TWITTER, SHORT_TAIL])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_draws_stay_under_a_quantile_as_often_as_it_says(
    distribution: FollowerDistribution, share: float
) -> None:
    quantile = math.ceil(distribution.quantile(share))
    under = [
        float((distribution.draw(np.random.default_rng(seed), AUTHORS) <= quantile).mean())
        for seed in SEEDS
    ]

    assert_in_interval(under, 1 - distribution.share_above(quantile + 0.5))


@given(distribution=distributions, share=st.floats(0, 0.999))
def test_the_share_above_a_quantile_is_the_rest(
    distribution: FollowerDistribution, share: float
) -> None:
    assert distribution.share_above(distribution.quantile(share)) == pytest.approx(
        1 - share, abs=1e-9
    )


def test_draws_have_the_share_of_edges_above_a_threshold() -> None:
    threshold = 1000.0
    shares = []
    for seed in SEEDS:
        followers = SHORT_TAIL.draw(np.random.default_rng(seed), AUTHORS)
        # Edges over the known mean, not over the drawn one: a ratio of sums would be biased.
        shares.append(float(followers[followers > threshold].sum() / AUTHORS / SHORT_TAIL.mean))

    assert_in_interval(shares, SHORT_TAIL.edge_share_above(threshold + 0.5))


@pytest.mark.parametrize("chunk", [1, 100, 1000])
@pytest.mark.parametrize("up_to", [5_000, 1e9])
def test_draws_fill_the_mean_number_of_chunks(chunk: int, up_to: float) -> None:
    chunks = []
    for seed in SEEDS:
        followers = SHORT_TAIL.draw(np.random.default_rng(seed), AUTHORS)
        pushed = np.where(followers <= up_to, followers, 0)
        chunks.append(float(np.ceil(pushed / chunk).mean()))

    assert_in_interval(chunks, SHORT_TAIL.mean_chunks(chunk=chunk, up_to=up_to))


@given(distribution=distributions, chunk=st.integers(1, 10_000))
def test_mean_chunks_lie_between_full_chunks_and_one_more(
    distribution: FollowerDistribution, chunk: int
) -> None:
    chunks = distribution.mean_chunks(chunk=chunk, up_to=distribution.most)

    assert chunks >= 0.98 * distribution.mean / chunk
    assert chunks <= 1.02 * distribution.mean / chunk + 1


@given(distribution=distributions)
def test_edge_shares_fall_from_one_to_zero(distribution: FollowerDistribution) -> None:
    thresholds = [0.0, *np.geomspace(1, distribution.most, 20)]
    shares = [distribution.edge_share_above(threshold) for threshold in thresholds]

    assert shares[0] == pytest.approx(1)
    assert shares[-1] == pytest.approx(0, abs=1e-9)
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(shares))


def test_the_same_generator_gives_the_same_followers() -> None:
    first, second = (TWITTER.draw(np.random.default_rng(7), 1000) for _ in range(2))

    assert (first == second).all()


def test_nobody_has_more_followers_than_the_most_followed_account() -> None:
    followers = load("celebrity").activity.followers

    drawn = followers.distribution.draw(np.random.default_rng(1), 1_000_000)

    assert drawn.min() >= 0
    assert drawn.max() <= followers.most

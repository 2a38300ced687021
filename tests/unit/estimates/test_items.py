"""How many items a step has: means in closed form against draws."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scenarios.followers import fitted_followers
from sim.estimates.items import (
    FixedItems,
    Followees,
    ItemLaw,
    PulledFollowees,
    PushedFollowers,
)
from sim.theory.intervals import mean_interval

CONFIDENCE = 0.9995
LIBRARY_MOST = 3e6


def followers(*, mean: float, most: float, up_to: float = 1e99, share: float = 1) -> ItemLaw:
    distribution = fitted_followers(mean=mean, tail_exponent=2.27, most=most)
    return PushedFollowers(distribution, up_to=up_to, pushed_share=share)


LAWS = [
    (FixedItems(0.0), 1),
    (FixedItems(0.3), 1),
    (FixedItems(2.3), 2),
    (FixedItems(1_000.0), 100),
    (Followees(0.4), 3),
    (Followees(191.0), 100),
    (PulledFollowees(0.0), 100),
    (PulledFollowees(2.5), 2),
    (PulledFollowees(150.0), 100),
    (PulledFollowees(900.0), 100),
    (followers(mean=191, most=LIBRARY_MOST), 1_000),
    (followers(mean=191, most=LIBRARY_MOST, share=0.55), 1_000),
    (followers(mean=191, most=LIBRARY_MOST, up_to=10_000), 1_000),
    (followers(mean=40, most=20_000), 10),
    (followers(mean=3, most=100), 10),
]


def draws_of(law: ItemLaw, of: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> list[float]:
    """Return means over draws with several seeds."""
    rngs = np.random.default_rng(7).spawn(20)
    return [float(of(law.draw(rng, 100_000)).mean()) for rng in rngs]


@pytest.mark.parametrize(("law", "chunk"), LAWS, ids=str)
def test_mean_visits_are_those_of_draws(law: ItemLaw, chunk: int) -> None:
    drawn = mean_interval(draws_of(law, lambda items: -(-items // chunk)), confidence=CONFIDENCE)

    assert drawn.low - 1e-9 <= law.mean_visits(chunk) <= drawn.high + 1e-9


@pytest.mark.parametrize(("law", "chunk"), LAWS, ids=str)
def test_mean_items_are_those_of_draws(law: ItemLaw, chunk: int) -> None:
    drawn = mean_interval(draws_of(law, lambda items: items), confidence=CONFIDENCE)

    # Followers are rounded to whole ones, of a distribution that falls: a hundredth at most.
    slack = 0.01 * law.mean if isinstance(law, PushedFollowers) else 1e-9
    assert drawn.low - slack <= law.mean <= drawn.high + slack
    assert chunk


@pytest.mark.parametrize(("law", "chunk"), LAWS, ids=str)
def test_draws_are_whole_numbers_of_at_least_none(law: ItemLaw, chunk: int) -> None:
    drawn = law.draw(np.random.default_rng(3), 10_000)

    assert drawn.dtype.kind == "i"
    assert drawn.min() >= 0
    assert chunk


@given(mean=st.floats(0, 5_000), chunk=st.integers(1, 200))
def test_visits_lie_between_the_chunks_that_are_full_and_one_more(mean: float, chunk: int) -> None:
    for law in (FixedItems(mean), PulledFollowees(mean), Followees(mean)):
        visits = law.mean_visits(chunk)
        assert mean / chunk * (1 - 1e-6) - 1e-9 <= visits <= mean / chunk + 1 + 1e-9


@given(mean=st.floats(0, 3_000))
def test_a_chunk_of_one_is_a_visit_for_each_item(mean: float) -> None:
    for law in (FixedItems(mean), PulledFollowees(mean), Followees(mean)):
        assert law.mean_visits(1) == pytest.approx(mean, rel=1e-6, abs=1e-9)


def test_authors_above_the_limit_are_not_pushed() -> None:
    law = followers(mean=191, most=LIBRARY_MOST, up_to=10_000)

    assert law.draw(np.random.default_rng(1), 200_000).max() <= 10_000


@pytest.mark.parametrize(
    ("up_to", "followers_of_author", "pushed"),
    [(10_000, 10_000, 5_000), (10_000, 10_001, 0), (LIBRARY_MOST, 100_000_000, 50_000_000)],
)
def test_a_given_author_is_pushed_by_the_same_rule(
    up_to: float, followers_of_author: int, pushed: int
) -> None:
    law = PushedFollowers(
        fitted_followers(mean=191, tail_exponent=2.27, most=LIBRARY_MOST),
        up_to=up_to,
        pushed_share=0.5,
    )

    assert law.pushed_to(followers_of_author) == pushed

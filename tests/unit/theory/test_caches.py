"""Zipf popularity and Che's approximation."""

import math
import time
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, special

from sim.theory.caches import (
    cached_items_for,
    hit_ratio,
    two_lru_cached_items_for,
    two_lru_hit_ratio,
)
from sim.theory.errors import OutOfRangeError
from sim.theory.zipf import popularity_classes, request_share, working_set

alphas = st.floats(0.05, 2.0)
catalogues = st.integers(1, 10**12)


def popularity(items: int, alpha: float) -> NDArray[np.float64]:
    weights = np.arange(1, items + 1, dtype=np.float64) ** -alpha
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def directly_summed_hit_ratio(items: int, cached_items: float, alpha: float) -> float:
    """Che's fixed point over every single item."""
    shares = popularity(items, alpha)

    def surplus(log_requests: float) -> float:
        return float(-np.expm1(-shares * math.exp(log_requests)).sum() - cached_items)

    log_requests = optimize.brentq(surplus, -20, 200, xtol=1e-13)
    return float(-shares @ np.expm1(-shares * math.exp(log_requests)))


def played_hit_ratio(
    rng: np.random.Generator, *, items: int, cached_items: int, alpha: float, requests: int
) -> float:
    """Share of hits of a real LRU cache, the requests that fill it left out."""
    asked = rng.choice(items, size=requests, p=popularity(items, alpha)).tolist()
    cache: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for number, item in enumerate(asked):
        if item in cache:
            cache.move_to_end(item)
            hits += number >= requests // 5
            continue
        cache[item] = None
        if len(cache) > cached_items:
            cache.popitem(last=False)
    return hits / (requests - requests // 5)


@pytest.mark.parametrize("items", [60, 101, 10_000, 300_000])
@pytest.mark.parametrize("alpha", [0.1, 0.7, 1.0, 1.4, 2.0])
@pytest.mark.parametrize("cached_share", [0.001, 0.05, 0.5, 0.99])
def test_classes_of_items_give_the_hit_ratio_of_single_items(
    items: int, alpha: float, cached_share: float
) -> None:
    cached_items = items * cached_share

    ratio = hit_ratio(items=items, cached_items=cached_items, alpha=alpha)

    assert ratio == pytest.approx(
        directly_summed_hit_ratio(items, cached_items, alpha), rel=2e-6, abs=1e-12
    )


@pytest.mark.parametrize(("cached_items", "alpha"), [(50, 0.7), (200, 0.9), (500, 1.2)])
def test_a_played_lru_cache_hits_as_often(cached_items: int, alpha: float) -> None:
    played = [
        played_hit_ratio(rng, items=5_000, cached_items=cached_items, alpha=alpha, requests=60_000)
        for rng in np.random.default_rng(3).spawn(6)
    ]

    assert hit_ratio(items=5_000, cached_items=cached_items, alpha=alpha) == pytest.approx(
        np.mean(played), abs=0.003
    )


def played_two_lru_hit_ratio(
    rng: np.random.Generator, *, items: int, cached_items: int, alpha: float, requests: int
) -> float:
    """Share of hits of a real 2-LRU cache, the requests that fill it left out."""
    asked = rng.choice(items, size=requests, p=popularity(items, alpha)).tolist()
    names: OrderedDict[int, None] = OrderedDict()
    cache: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for number, item in enumerate(asked):
        is_kept = item in cache
        hits += is_kept and number >= requests // 5
        if is_kept or item in names:
            cache[item] = None
            cache.move_to_end(item)
        names[item] = None
        names.move_to_end(item)
        for each in (cache, names):
            if len(each) > cached_items:
                each.popitem(last=False)
    return hits / (requests - requests // 5)


@pytest.mark.parametrize(("cached_items", "alpha"), [(50, 0.7), (200, 0.9), (500, 1.2)])
def test_a_played_two_lru_cache_hits_as_often(cached_items: int, alpha: float) -> None:
    played = [
        played_two_lru_hit_ratio(
            rng, items=5_000, cached_items=cached_items, alpha=alpha, requests=60_000
        )
        for rng in np.random.default_rng(4).spawn(6)
    ]

    ratio = two_lru_hit_ratio(items=5_000, cached_items=cached_items, alpha=alpha)
    assert ratio == pytest.approx(np.mean(played), abs=0.004)


@given(items=st.integers(2, 10**12), alpha=alphas, cached_share=st.floats(1e-3, 0.98))
def test_two_lists_hit_at_least_as_often_as_one_and_at_most_as_the_most_popular(
    items: int, alpha: float, cached_share: float
) -> None:
    cached_items = math.ceil(items * cached_share)

    one = hit_ratio(items=items, cached_items=cached_items, alpha=alpha)
    two = two_lru_hit_ratio(items=items, cached_items=cached_items, alpha=alpha)

    best = request_share(items=items, top_items=cached_items, alpha=alpha)
    assert one * (1 - 1e-6) <= two <= best * (1 + 1e-6)


@given(items=st.integers(2, 10**12), alpha=alphas, ratio=st.floats(0.001, 0.999))
def test_the_size_of_two_lists_for_a_hit_ratio_has_that_hit_ratio(
    items: int, alpha: float, ratio: float
) -> None:
    cached_items = two_lru_cached_items_for(hit_ratio=ratio, items=items, alpha=alpha)

    assert two_lru_hit_ratio(items=items, cached_items=cached_items, alpha=alpha) == pytest.approx(
        ratio, rel=1e-6
    )


def test_two_lists_that_hold_everything_or_nothing_always_or_never_hit() -> None:
    assert two_lru_hit_ratio(items=1_000, cached_items=1_000, alpha=0.8) == 1
    assert two_lru_hit_ratio(items=1_000, cached_items=0, alpha=0.8) == 0
    assert two_lru_cached_items_for(hit_ratio=0, items=1_000, alpha=0.8) == 0
    with pytest.raises(OutOfRangeError, match="hit_ratio"):
        two_lru_cached_items_for(hit_ratio=1, items=10, alpha=1)


@given(items=st.integers(2, 10**12), alpha=alphas, cached_share=st.floats(1e-6, 0.98))
def test_a_bigger_cache_hits_more(items: int, alpha: float, cached_share: float) -> None:
    cached_items = items * cached_share

    smaller = hit_ratio(items=items, cached_items=cached_items, alpha=alpha)
    bigger = hit_ratio(items=items, cached_items=cached_items * 1.01, alpha=alpha)

    assert 0 < smaller <= bigger <= 1


@given(items=st.integers(2, 10**12), alpha=alphas, ratio=st.floats(0.001, 0.999))
def test_the_size_for_a_hit_ratio_has_that_hit_ratio(
    items: int, alpha: float, ratio: float
) -> None:
    cached_items = cached_items_for(hit_ratio=ratio, items=items, alpha=alpha)

    assert hit_ratio(items=items, cached_items=cached_items, alpha=alpha) == pytest.approx(
        ratio, rel=1e-7
    )


@given(items=st.integers(2, 10**12), alpha=alphas, cached_share=st.floats(1e-3, 0.99))
def test_no_lru_cache_beats_the_one_that_holds_the_most_popular(
    items: int, alpha: float, cached_share: float
) -> None:
    cached_items = math.ceil(items * cached_share)

    ratio = hit_ratio(items=items, cached_items=cached_items, alpha=alpha)

    best = request_share(items=items, top_items=cached_items, alpha=alpha)
    assert ratio <= best * (1 + 1e-6)


def test_a_cache_that_holds_everything_always_hits() -> None:
    assert hit_ratio(items=1_000, cached_items=1_000, alpha=0.8) == 1


def test_no_cache_never_hits() -> None:
    assert hit_ratio(items=1_000, cached_items=0, alpha=0.8) == 0
    assert cached_items_for(hit_ratio=0, items=1_000, alpha=0.8) == 0


def test_a_trillion_items_take_less_than_two_milliseconds() -> None:
    spent_s = []
    for _ in range(20):
        started_s = time.process_time()
        hit_ratio(items=10**12, cached_items=10**10, alpha=0.8)
        spent_s.append(time.process_time() - started_s)

    assert min(spent_s) < 0.002


@given(items=catalogues, alpha=alphas)
def test_popularities_add_up_to_one_request_and_all_items(items: int, alpha: float) -> None:
    classes = popularity_classes(items=items, alpha=alpha)

    assert math.fsum(c.items * c.popularity for c in classes) == pytest.approx(1)
    assert math.fsum(c.items for c in classes) == pytest.approx(items, rel=1e-9)


@pytest.mark.parametrize("alpha", [0.3, 0.999_999_9, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("top_items", [0, 1, 100, 101, 250_000, 1_000_000])
def test_the_share_of_the_most_popular_is_the_direct_sum(alpha: float, top_items: int) -> None:
    share = request_share(items=1_000_000, top_items=top_items, alpha=alpha)

    assert share == pytest.approx(popularity(1_000_000, alpha)[:top_items].sum(), rel=1e-9)


def test_the_sum_over_a_trillion_ranks_is_that_of_the_zeta_function() -> None:
    share = request_share(items=10**12, top_items=1, alpha=2.0)

    assert 1 / share == pytest.approx(float(special.zeta(2)), rel=1e-9)


@given(items=catalogues, alpha=alphas, share=st.floats(0, 1))
def test_the_working_set_is_the_least_that_receives_its_share(
    items: int, alpha: float, share: float
) -> None:
    size = working_set(items=items, share=share, alpha=alpha)

    assert request_share(items=items, top_items=size, alpha=alpha) >= share * (1 - 1e-12)
    assert size == 0 or (
        request_share(items=items, top_items=size - 1, alpha=alpha) <= share * (1 + 1e-12)
    )


@pytest.mark.parametrize("alpha", [0.0, -1.0, 2.1, float("nan")])
def test_exponents_outside_the_range_are_refused(alpha: float) -> None:
    with pytest.raises(OutOfRangeError, match="alpha"):
        hit_ratio(items=10, cached_items=5, alpha=alpha)


def test_a_sure_hit_asks_for_no_finite_cache() -> None:
    with pytest.raises(OutOfRangeError, match="hit_ratio"):
        cached_items_for(hit_ratio=1, items=10, alpha=1)


def test_more_top_items_than_items_are_refused() -> None:
    with pytest.raises(OutOfRangeError, match="top_items"):
        request_share(items=10, top_items=11, alpha=1)

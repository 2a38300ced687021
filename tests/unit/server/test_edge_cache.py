"""The edge's cache by itself: bounded, and not washed out by what is asked for once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.services.edge_cache import EdgeCache
from sim.theory.caches import hit_ratio, two_lru_hit_ratio

ITEMS = 3_000


def asked(cache: EdgeCache[int, int], item: int, *, size_bytes: int = 1) -> bool:
    """Whether a client that asks for an item finds it; it is offered to the cache if not."""
    found, was_asked = cache.ask(item, size_bytes=size_bytes)
    if found is None:
        cache.keep(item, item, size_bytes=size_bytes, may_evict=was_asked)
    return found is not None


def zipf_trace(rng: np.random.Generator, *, alpha: float, requests: int) -> list[int]:
    weights = np.arange(1, ITEMS + 1, dtype=np.float64) ** -alpha
    trace: list[int] = rng.choice(ITEMS, size=requests, p=weights / weights.sum()).tolist()
    return trace


@pytest.mark.parametrize(("capacity", "alpha"), [(60, 0.8), (300, 0.99), (900, 1.2)])
def test_a_zipf_trace_hits_as_the_model_of_the_estimates_says(capacity: int, alpha: float) -> None:
    cache: EdgeCache[int, int] = EdgeCache(capacity_bytes=capacity)
    trace = zipf_trace(np.random.default_rng(8), alpha=alpha, requests=120_000)

    hits = [asked(cache, item) for item in trace]

    measured = float(np.mean(hits[len(hits) // 4 :]))
    model = two_lru_hit_ratio(items=ITEMS, cached_items=capacity, alpha=alpha)
    assert measured == pytest.approx(model, abs=0.02)
    # The two policies differ by more than what is allowed here, so that one is not the other.
    if alpha < 1:
        assert measured > hit_ratio(items=ITEMS, cached_items=capacity, alpha=alpha) + 0.04


def test_a_scan_of_everything_pushes_nothing_out() -> None:
    cache: EdgeCache[int, int] = EdgeCache(capacity_bytes=300)
    rng = np.random.default_rng(9)
    for item in zipf_trace(rng, alpha=0.99, requests=30_000):
        asked(cache, item)
    popular = [item for item in range(ITEMS) if item in cache]

    for item in range(ITEMS, ITEMS + 100_000):
        asked(cache, item)

    assert [item for item in range(ITEMS) if item in cache] == popular


def test_what_is_asked_for_twice_comes_in() -> None:
    cache: EdgeCache[int, int] = EdgeCache(capacity_bytes=2)
    for item in (1, 2):
        asked(cache, item)

    assert [asked(cache, 3) for _ in range(3)] == [False, False, True]
    assert 1 not in cache


def test_while_there_is_room_the_first_request_is_enough() -> None:
    cache: EdgeCache[int, int] = EdgeCache(capacity_bytes=2)

    assert [asked(cache, 1) for _ in range(2)] == [False, True]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 60)), max_size=200))
def test_it_never_holds_more_than_it_may(requests: list[tuple[int, int]]) -> None:
    cache: EdgeCache[int, int] = EdgeCache(capacity_bytes=50)
    sizes: dict[int, int] = {}
    for item, size_bytes in requests:
        size_bytes = sizes.setdefault(item, size_bytes)  # noqa: PLW2901 - an item has one size
        asked(cache, item, size_bytes=size_bytes)

        assert cache.held_bytes == sum(sizes[item] for item in sizes if item in cache) <= 50


def test_what_is_dropped_gives_its_room_back() -> None:
    cache: EdgeCache[int, int] = EdgeCache(capacity_bytes=10)
    asked(cache, 1, size_bytes=4)
    asked(cache, 2, size_bytes=6)

    cache.drop(lambda item: item == 1)

    assert (cache.held_bytes, 1 in cache, 2 in cache) == (6, False, True)

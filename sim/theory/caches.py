"""Hit ratio of LRU and 2-LRU caches under Zipf popularity: Che's approximation.

An item stays in the cache for as long as it takes for as many other items to be asked for as the
cache holds. That time hardly varies, and is taken to be one number for all items.

2-LRU keeps an item only if it was asked for before, within the reach of a second LRU list of the
same size that holds names alone. What is asked for once does not push out what is asked for often.
"""

import math
from collections.abc import Sequence

from sim.theory.errors import OutOfRangeError
from sim.theory.ranges import require_non_negative
from sim.theory.roots import root_above
from sim.theory.zipf import PopularityClass, popularity_classes


def hit_ratio(*, items: int, cached_items: float, alpha: float) -> float:
    """Share of requests that find their item in an LRU cache of `cached_items` equal items.

    Assumes independent requests, each for the item of rank i (of `items`) with a probability
    proportional to i^-alpha. 1 where everything fits.

    Raises:
        OutOfRangeError: if there is no item, cached_items is negative, or alpha not in (0, 2].

    Source: Che, Tung & Wang, Hierarchical web caching systems, IEEE JSAC 20 (2002) 1305-1314;
    its accuracy: Fricker, Robert & Roberts, A versatile and accurate approximation for LRU cache
    performance, ITC 24 (2012).
    """
    require_non_negative(cached_items=cached_items)
    classes = popularity_classes(items=items, alpha=alpha)
    if cached_items >= items:
        return 1.0
    if cached_items == 0:
        return 0.0
    return _share_touched(classes, math.exp(_requests_touching(classes, cached_items)))


def cached_items_for(*, hit_ratio: float, items: int, alpha: float) -> float:
    """Number of items an LRU cache must hold for this hit ratio; the inverse of `hit_ratio`.

    Raises:
        OutOfRangeError: if there is no item, the ratio is not in [0, 1), or alpha not in (0, 2].

    Source: as `hit_ratio`.
    """
    if not 0 <= hit_ratio < 1:
        raise OutOfRangeError(name="hit_ratio", value=hit_ratio, expected="0 or more and below 1")
    classes = popularity_classes(items=items, alpha=alpha)
    if hit_ratio == 0:
        return 0.0
    requests = root_above(
        lambda log_requests: _share_touched(classes, math.exp(log_requests)) - hit_ratio,
        low=math.log(hit_ratio),
        first_step=1.0,
    )
    return _items_touched(classes, math.exp(requests))


def two_lru_hit_ratio(*, items: int, cached_items: float, alpha: float) -> float:
    """Share of requests that find their item in a 2-LRU cache of `cached_items` equal items.

    Assumes independent requests, each for the item of rank i (of `items`) with a probability
    proportional to i^-alpha. 1 where everything fits.

    Raises:
        OutOfRangeError: if there is no item, cached_items is negative, or alpha not in (0, 2].

    Source: Garetto, Leonardi & Martina, A unified approach to the performance analysis of caching
    systems, ACM TOMPECS 1 (2016), section 4.4, k-LRU with k = 2.
    """
    require_non_negative(cached_items=cached_items)
    classes = popularity_classes(items=items, alpha=alpha)
    if cached_items >= items:
        return 1.0
    if cached_items == 0:
        return 0.0
    names = _requests_touching(classes, cached_items)
    kept = _requests_filling(classes, names=names, cached_items=cached_items)
    return math.fsum(c.items * c.popularity * _kept_share(c, names, kept) for c in classes)


def two_lru_cached_items_for(*, hit_ratio: float, items: int, alpha: float) -> float:
    """Number of items a 2-LRU cache must hold for this hit ratio: inverse of `two_lru_hit_ratio`.

    Raises:
        OutOfRangeError: if there is no item, the ratio is not in [0, 1), or alpha not in (0, 2].

    Source: as `two_lru_hit_ratio`.
    """
    if not 0 <= hit_ratio < 1:
        raise OutOfRangeError(name="hit_ratio", value=hit_ratio, expected="0 or more and below 1")
    classes = popularity_classes(items=items, alpha=alpha)
    if hit_ratio == 0:
        return 0.0

    def surplus(names: float) -> float:
        cached_items = _items_touched(classes, math.exp(names))
        kept = _requests_filling(classes, names=names, cached_items=cached_items)
        share = math.fsum(c.items * c.popularity * _kept_share(c, names, kept) for c in classes)
        return share - hit_ratio

    low = 0.0
    while surplus(low) > 0:
        low -= 1.0
    return _items_touched(classes, math.exp(root_above(surplus, low=low, first_step=1.0)))


def _requests_touching(classes: Sequence[PopularityClass], items: float) -> float:
    """Requests, as a logarithm, that touch so many different items (Poisson)."""
    # Requests cannot touch more items than there are requests: the root is not below.
    return root_above(
        lambda log_requests: math.log(_items_touched(classes, math.exp(log_requests)) / items),
        low=math.log(items),
        first_step=1.0,
    )


def _requests_filling(
    classes: Sequence[PopularityClass], *, names: float, cached_items: float
) -> float:
    """Requests, as a logarithm, after which an item that is not asked for leaves the cache.

    As long as they are fewer than the names' list remembers, an item is in the cache if its last
    two requests were close enough; fewer items are than are named, so the root is not below.
    """

    def surplus(log_requests: float) -> float:
        kept = math.fsum(c.items * _kept_share(c, names, log_requests) for c in classes)
        return math.log(kept / cached_items)

    return root_above(surplus, low=names, first_step=1.0)


def _kept_share(c: PopularityClass, log_names: float, log_kept: float) -> float:
    """Share of the time that an item is in the cache, which is also its hit ratio (Poisson).

    After a request it is there if its name was still listed (a), or if it was there and had not
    left (b): s = a + (b - a) s, since names are forgotten before items. A hit is s·b.
    """
    named = -math.expm1(-c.popularity * math.exp(log_names))
    stays = -math.expm1(-c.popularity * math.exp(log_kept))
    return named / (1 - (stays - named)) * stays


def _items_touched(classes: Sequence[PopularityClass], requests: float) -> float:
    """Mean number of different items among so many requests (Poisson)."""
    return -math.fsum(c.items * math.expm1(-c.popularity * requests) for c in classes)


def _share_touched(classes: Sequence[PopularityClass], requests: float) -> float:
    """Share of requests whose item was asked for within the last so many requests."""
    return -math.fsum(
        c.items * c.popularity * math.expm1(-c.popularity * requests) for c in classes
    )

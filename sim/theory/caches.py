"""Hit ratio of an LRU cache under Zipf popularity: Che's approximation.

An item stays in the cache for as long as it takes for as many other items to be asked for as the
cache holds. That time hardly varies, and is taken to be one number for all items.
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
    # Requests cannot touch more items than there are requests: the root is not below.
    log_requests = root_above(
        lambda log_requests: math.log(
            _items_touched(classes, math.exp(log_requests)) / cached_items
        ),
        low=math.log(cached_items),
        first_step=1.0,
    )
    return _share_touched(classes, math.exp(log_requests))


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


def _items_touched(classes: Sequence[PopularityClass], requests: float) -> float:
    """Mean number of different items among so many requests (Poisson)."""
    return -math.fsum(c.items * math.expm1(-c.popularity * requests) for c in classes)


def _share_touched(classes: Sequence[PopularityClass], requests: float) -> float:
    """Share of requests whose item was asked for within the last so many requests."""
    return -math.fsum(
        c.items * c.popularity * math.expm1(-c.popularity * requests) for c in classes
    )

"""Zipf popularity: the item of rank i is asked for in proportion to i^-alpha."""

import math
from dataclasses import dataclass

from sim.theory.errors import OutOfRangeError
from sim.theory.ranges import require_count, require_positive, require_probability

HIGHEST_ALPHA = 2.0
# Ranks summed one by one; the others are integrated over ln(rank).
_EXACT_RANKS = 100
_PANEL_WIDTH = 0.75
# Four-point Gauss-Legendre on [0, 1]: Abramowitz & Stegun (1964), table 25.4.
_GAUSS = (
    (0.069431844202973712, 0.173927422568726929),
    (0.330009478207571868, 0.326072577431273071),
    (0.669990521792428132, 0.326072577431273071),
    (0.930568155797026288, 0.173927422568726929),
)


@dataclass(frozen=True, slots=True)
class PopularityClass:
    """`items` items (not always a whole number), each asked for with probability `popularity`."""

    items: float
    popularity: float


def popularity_classes(*, items: int, alpha: float) -> list[PopularityClass]:
    """A few hundred classes that stand for `items` items, for sums over smooth functions.

    The most popular 100 items are classes of their own; the rest are nodes of a quadrature over
    ln(rank). Popularities add up to 1 over all items.

    Raises:
        OutOfRangeError: if there is no item, or alpha is not in (0, 2].

    Source: the midpoint rule turns the sum over ranks into an integral; Gauss-Legendre does that.
    """
    _require_zipf(items, alpha)
    exact = min(items, _EXACT_RANKS)
    ranks = [(1.0, float(rank)) for rank in range(1, exact + 1)]
    if items > exact:
        start = math.log(exact + 0.5)
        length = math.log(items + 0.5) - start
        panels = math.ceil(length / _PANEL_WIDTH)
        width = length / panels
        for panel in range(panels):
            for place, weight in _GAUSS:
                rank = math.exp(start + (panel + place) * width)
                ranks.append((weight * width * rank, rank))
    weights = [rank**-alpha for _, rank in ranks]
    total = math.fsum(count * weight for (count, _), weight in zip(ranks, weights, strict=True))
    return [
        PopularityClass(items=count, popularity=weight / total)
        for (count, _), weight in zip(ranks, weights, strict=True)
    ]


def request_share(*, items: int, top_items: int, alpha: float) -> float:
    """Share of requests that go to the `top_items` most popular items.

    Also the hit ratio of a cache that holds exactly these (perfect LFU).

    Raises:
        OutOfRangeError: if there is no item, top_items is above items or negative, or alpha is
            not in (0, 2].

    Source: Breslau et al., Web caching and Zipf-like distributions, INFOCOM 1999.
    """
    _require_zipf(items, alpha)
    if not 0 <= top_items <= items:
        raise OutOfRangeError(name="top_items", value=top_items, expected=f"from 0 to {items}")
    return _harmonic(top_items, alpha) / _harmonic(items, alpha)


def working_set(*, items: int, share: float, alpha: float) -> int:
    """Least number of most popular items that together receive at least `share` of requests.

    Raises:
        OutOfRangeError: if there is no item, the share is not in [0, 1], or alpha not in (0, 2].

    Source: Breslau et al., Web caching and Zipf-like distributions, INFOCOM 1999.
    """
    _require_zipf(items, alpha)
    require_probability(share=share)
    wanted = share * _harmonic(items, alpha)
    enough, too_few = items, -1
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        if _harmonic(middle, alpha) >= wanted:
            enough = middle
        else:
            too_few = middle
    return enough


def _require_zipf(items: int, alpha: float) -> None:
    require_count(items=items)
    require_positive(alpha=alpha)
    if alpha > HIGHEST_ALPHA:
        raise OutOfRangeError(name="alpha", value=alpha, expected=f"at most {HIGHEST_ALPHA}")


def _harmonic(items: int, alpha: float) -> float:
    """Sum of rank^-alpha; past 100 ranks by Euler and Maclaurin, whose next term is below 1e-9.

    Source: Abramowitz & Stegun (1964), 23.1.30.
    """
    exact = min(items, _EXACT_RANKS)
    head = math.fsum(math.pow(rank, -alpha) for rank in range(1, exact + 1))
    if items == exact:
        return head
    log_growth = math.log(items / exact)
    exponent = (1 - alpha) * log_growth
    growth = math.expm1(exponent) / exponent if exponent else 1.0
    integral = math.pow(exact, 1 - alpha) * log_growth * growth
    ends = (math.pow(items, -alpha) - math.pow(exact, -alpha)) / 2
    slopes = alpha * (math.pow(exact, -alpha - 1) - math.pow(items, -alpha - 1)) / 12
    return head + integral + ends + slopes

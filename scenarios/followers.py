"""How many followers an author has: a Lomax (shifted power-law) distribution cut off at the top.

The server's populated world, the estimates and the simulator's fan-out all draw from this one.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PRECISION = 1e-12
_EXACT_TERMS = 256
_HALF = 0.5
"""What rounds up to one more follower."""


@dataclass(frozen=True, slots=True)
class FollowerDistribution:
    """Followers X with P(X > x) = (1 + x/scale)^-shape, cut off at `most`.

    The density's tail exponent is `shape` + 1. Continuous; `draw` rounds.

    Source: Lomax, Business failures (1954); tail exponents in Kwak et al., WWW 2010.
    """

    scale: float
    shape: float
    most: float

    @property
    def mean(self) -> float:
        """Mean followers of an author."""
        return self._partial_mean(0.0)

    def share_above(self, followers: float) -> float:
        """Share of authors with more than `followers` followers."""
        if followers >= self.most:
            return 0.0
        return (self._tail(followers) - self._tail(self.most)) / (1 - self._tail(self.most))

    def edge_share_above(self, followers: float) -> float:
        """Share of all follow edges that lead to authors with more than `followers` followers."""
        return self._partial_mean(min(followers, self.most)) / self.mean

    def quantile(self, share: float) -> float:
        """Followers that a `share` of the authors do not exceed."""
        kept = 1 - self._tail(self.most)
        return float(self.scale * ((1 - share * kept) ** (-1 / self.shape) - 1))

    @lru_cache(maxsize=64)  # noqa: B019 - instances are few, small and compare by value
    def mean_chunks(self, *, chunk: float, up_to: float) -> float:
        """Mean chunks of `chunk` followers, where only authors with at most `up_to` count.

        Followers are whole, as drawn: the mean of ceil(round(X) / chunk) for round(X) up to
        `up_to`, which is the sum of P(k chunk < round(X) <= up_to) over k. The terms past the first
        few hundred by the midpoint rule.
        """
        up_to = min(up_to, self.most)
        beyond = self.share_above(up_to + _HALF)
        chunks = math.ceil(up_to / chunk)
        exact = min(chunks, _EXACT_TERMS)
        total = math.fsum(
            max(0.0, self.share_above(k * chunk + _HALF) - beyond) for k in range(exact)
        )
        if chunks > exact:
            start = (exact - 0.5) * chunk + _HALF
            rest = self._tail_integral(start) - self._tail_integral(up_to)
            kept = 1 - self._tail(self.most)
            flat = (self._tail(self.most) / kept + beyond) * (up_to - start)
            total += (rest / kept - flat) / chunk
        return total

    def draw(self, rng: "np.random.Generator", authors: int) -> "NDArray[np.int64]":
        """Return the followers of `authors` authors, drawn with `rng`; shape (authors,)."""
        kept = 1 - self._tail(self.most)
        uniform = rng.random(authors)
        followers = self.scale * ((1 - uniform * kept) ** (-1 / self.shape) - 1)
        return followers.round().astype("int64")

    def _tail(self, followers: float) -> float:
        return float((1 + followers / self.scale) ** -self.shape)

    def _tail_integral(self, followers: float) -> float:
        """Integral of the tail from `followers` to infinity."""
        above: float = (1 + followers / self.scale) ** (1 - self.shape)
        return self.scale * above / (self.shape - 1)

    def _partial_mean(self, above: float) -> float:
        # ∫ x f(x) dx from `above` to the cut-off, by parts: a S(a) - M S(M) + ∫ S.
        by_parts = (
            above * self._tail(above)
            - self.most * self._tail(self.most)
            + self._tail_integral(above)
            - self._tail_integral(self.most)
        )
        return by_parts / (1 - self._tail(self.most))


@lru_cache(maxsize=64)
def fitted_followers(*, mean: float, tail_exponent: float, most: float) -> FollowerDistribution:
    """Return the distribution with that mean (followers), tail exponent and cut-off.

    A cut-off Lomax can have any mean between 0 and nearly `most` / 2, where it is flat.
    """
    shape = tail_exponent - 1
    low, high = mean * 1e-9, most * 1e9
    while high / low > 1 + _PRECISION:
        middle = math.sqrt(low * high)
        fitted = FollowerDistribution(scale=middle, shape=shape, most=most)
        low, high = (middle, high) if fitted.mean < mean else (low, middle)
    return FollowerDistribution(scale=high, shape=shape, most=most)

"""How many items a step has: a number, or a figure that differs from request to request."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from scenarios.followers import FollowerDistribution

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TAIL = 10
"""Standard deviations above the mean of a Poisson number, beyond which next to nothing lies."""


class ItemLaw(Protocol):
    """The distribution of a number of items."""

    @property
    def mean(self) -> float:
        """Mean items of a request."""

    def mean_visits(self, chunk: int) -> float:
        """Mean visits that it takes, `chunk` items in each."""

    def draw(self, rng: "np.random.Generator", requests: int) -> "NDArray[np.int64]":
        """Return the items of `requests` requests, drawn with `rng`; shape (requests,)."""


@dataclass(frozen=True, slots=True)
class FixedItems:
    """The same number for every request; a fraction is the probability of one item more."""

    mean: float

    def mean_visits(self, chunk: int) -> float:
        """Mean visits of `chunk` items."""
        whole = math.floor(self.mean)
        more = self.mean - whole
        return (1 - more) * math.ceil(whole / chunk) + more * math.ceil((whole + 1) / chunk)

    def draw(self, rng: "np.random.Generator", requests: int) -> "NDArray[np.int64]":
        """Return the number, rounded at random to a neighbouring whole."""
        whole = math.floor(self.mean)
        return whole + (rng.random(requests) < self.mean - whole).astype("int64")


@dataclass(frozen=True, slots=True)
class PushedFollowers:
    """Followers to whom a post is pushed.

    Attributes:
        distribution: followers of an author.
        up_to: authors with more are not pushed.
        pushed_share: part of the followers who are pushed to.
        usual_up_to: authors with more post so rarely, and fan out so far, that a short simulation
            sees one or none: draws leave them out, `usual` is the law without them.
    """

    distribution: FollowerDistribution
    up_to: float
    pushed_share: float
    usual_up_to: float = math.inf

    @property
    def mean(self) -> float:
        """Mean followers pushed to."""
        kept = 1 - self.distribution.edge_share_above(self.up_to)
        return self.distribution.mean * kept * self.pushed_share

    def mean_visits(self, chunk: int) -> float:
        """Mean chunks of `chunk` followers."""
        if self.pushed_share == 0:
            return 0.0
        return self.distribution.mean_chunks(chunk=chunk / self.pushed_share, up_to=self.up_to)

    def draw(self, rng: "np.random.Generator", requests: int) -> "NDArray[np.int64]":
        """Return the followers pushed to by as many posts."""
        followers = self.usual.distribution.draw(rng, requests)
        pushed = (followers * self.pushed_share).round().astype("int64")
        return pushed * (followers <= self.up_to)

    @property
    def usual(self) -> "PushedFollowers":
        """The law of the authors that draws are from."""
        most = min(self.distribution.most, self.usual_up_to)
        return replace(self, distribution=replace(self.distribution, most=most))

    def pushed_to(self, followers: int) -> int:
        """Return the followers pushed to by a post of an author with that many.

        A limit at the top of the distribution is none: who is beyond it is pushed all the same.
        """
        is_pushed = followers <= self.up_to or self.up_to >= self.distribution.most
        return round(followers * self.pushed_share) if is_pushed else 0


@dataclass(frozen=True, slots=True)
class Followees:
    """Accounts that a reader follows: geometric from one (assumption), or none."""

    mean: float

    def mean_visits(self, chunk: int) -> float:
        """Mean chunks of `chunk` followees."""
        if self.mean <= 0:
            return 0.0
        more = 1 - self._success
        return (self.mean / max(self.mean, 1.0)) / (1 - more**chunk)

    @property
    def _success(self) -> float:
        return 1 / max(self.mean, 1.0)

    def draw(self, rng: "np.random.Generator", requests: int) -> "NDArray[np.int64]":
        """Return the followees of as many readers."""
        has_any = rng.random(requests) < min(self.mean, 1.0)
        return rng.geometric(self._success, requests) * has_any


@dataclass(frozen=True, slots=True)
class PulledFollowees:
    """Followees of a reader whose posts are not pushed: Poisson, a thinning of the followees."""

    mean: float

    def mean_visits(self, chunk: int) -> float:
        """Mean chunks of `chunk` followees."""
        if self.mean <= 0:
            return 0.0
        visits = below = 0.0
        for count in range(math.ceil(self.mean + _TAIL * math.sqrt(self.mean) + _TAIL)):
            # From the logarithm: with many followees the probability of none is below every float.
            logarithm = count * math.log(self.mean) - self.mean - math.lgamma(count + 1)
            below = min(1.0, below + math.exp(logarithm))
            if count % chunk == 0:
                visits += 1 - below
        return visits

    def draw(self, rng: "np.random.Generator", requests: int) -> "NDArray[np.int64]":
        """Return the pulled followees of as many readers."""
        return rng.poisson(self.mean, requests)

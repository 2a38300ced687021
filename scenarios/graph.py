"""A follower graph drawn from a scenario's distribution: who follows whom among so many users."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scenarios.followers import FollowerDistribution, fitted_followers

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Above this share of all users, followers are picked from a shuffled list instead of drawn.
_DENSE = 0.25
# A mean above this share of the users leaves no room for a tail.
_LARGEST_MEAN = 0.25


@dataclass(frozen=True, slots=True)
class FollowerGraph:
    """Edges between users numbered from 0, each once, nobody following themselves.

    `followers[k]` follows `followees[k]`; in order of followee.
    """

    followers: "NDArray[np.int64]"
    followees: "NDArray[np.int64]"

    def __len__(self) -> int:
        return len(self.followers)


def scaled_to(distribution: FollowerDistribution, *, users: int) -> FollowerDistribution:
    """Return the distribution for a world of `users`: the same tail, within what can be."""
    most = float(users - 1)
    return fitted_followers(
        mean=min(distribution.mean, users * _LARGEST_MEAN),
        tail_exponent=distribution.shape + 1,
        most=min(distribution.most, most),
    )


def drawn_graph(
    distribution: FollowerDistribution, *, users: int, rng: np.random.Generator
) -> FollowerGraph:
    """Return a graph in which each user has a drawn number of followers, picked uniformly."""
    counts = np.minimum(distribution.draw(rng, users), users - 1)
    sparse = np.where(counts <= users * _DENSE, counts, 0)
    keys = np.concatenate(
        [
            _distinct_keys(sparse, users=users, rng=rng),
            *_dense_keys(counts - sparse, users=users, rng=rng),
        ]
    )
    keys.sort()
    return FollowerGraph(followers=keys % users, followees=keys // users)


def _distinct_keys(
    counts: "NDArray[np.int64]", *, users: int, rng: np.random.Generator
) -> "NDArray[np.int64]":
    """Return followee * users + follower for so many distinct followers of each user."""
    complete: list[NDArray[np.int64]] = []
    keys = np.empty(0, dtype=np.int64)
    missing = counts
    while missing.any():
        followees = np.repeat(np.arange(users), missing)
        followers = rng.integers(users, size=len(followees))
        drawn = (followees * users + followers)[followers != followees]
        keys = _each_once(np.concatenate([keys, drawn]))
        missing = counts - np.bincount(keys // users, minlength=users)
        # Those who have all are set aside: only a few go on, and need not sort everybody again.
        counts = np.where(missing > 0, counts, 0)
        is_short = missing[keys // users] > 0
        complete.append(keys[~is_short])
        keys = keys[is_short]
    return np.concatenate([keys, *complete])


def _each_once(keys: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Return the sorted keys, each once: a hundred times as fast as NumPy's `unique`."""
    ordered = np.sort(keys)
    is_new = np.ones(len(ordered), dtype=bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_new]


def _dense_keys(
    counts: "NDArray[np.int64]", *, users: int, rng: np.random.Generator
) -> Iterator["NDArray[np.int64]"]:
    for followee in np.flatnonzero(counts):
        others = np.delete(np.arange(users), followee)
        yield followee * users + rng.permutation(others)[: counts[followee]]

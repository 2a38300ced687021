"""The world of a load test: the users that act, with their tokens, whom they follow, and posts."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """Users of a server, numbered from 0, as they are before the load.

    Attributes:
        user_ids: the server's ids, shape (users,).
        tokens: of each user, shape (users,).
        followers, followees: the edges: `followers[k]` follows `followees[k]`, both numbers of
            users; sorted by followee, and each followee's followers in the order in which the
            server fills their feeds.
        post_ids: rising, shape (posts,).
        authors: number of the author of each post, shape (posts,).
    """

    user_ids: Ids
    tokens: NDArray[np.str_]
    followers: Ids
    followees: Ids
    post_ids: Ids
    authors: Ids

    @classmethod
    def read(cls, manifest: Path) -> Self:
        """Return the world that `socialfeed populate --manifest` has described."""
        with np.load(manifest) as archive:
            return cls(**{name: archive[name] for name in _ARRAYS})

    def __len__(self) -> int:
        """Return the number of users."""
        return len(self.user_ids)

    def followers_of(self, user: int) -> Ids:
        """Return the numbers of a user's followers, in the order in which their feeds fill."""
        start, stop = self._starts[user : user + 2]
        return self.followers[start:stop]

    def followees_of(self, user: int) -> Ids:
        """Return the numbers of those whom a user follows."""
        start, stop = self._starts_by_follower[user : user + 2]
        return self.followees[self._by_follower[start:stop]]

    @cached_property
    def _starts(self) -> Ids:
        return np.searchsorted(self.followees, np.arange(len(self) + 1))

    @cached_property
    def _by_follower(self) -> Ids:
        return np.argsort(self.followers, kind="stable")

    @cached_property
    def _starts_by_follower(self) -> Ids:
        return np.searchsorted(self.followers[self._by_follower], np.arange(len(self) + 1))


_ARRAYS = ("user_ids", "tokens", "followers", "followees", "post_ids", "authors")

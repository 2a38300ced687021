"""Small worlds for load tests."""

import numpy as np

from sim.loadtest.world import World

FIRST_USER, FIRST_POST = 1_000, 5_000


def ring(users: int = 6, *, posts_each: int = 2) -> World:
    """A world in which everybody follows the next two, and posts in turn."""
    edges = sorted(((user + step) % users, user) for user in range(users) for step in (1, 2))
    followees, followers = np.asarray(edges).T
    authors = np.tile(np.arange(users), posts_each)
    return World(
        user_ids=FIRST_USER + np.arange(users),
        tokens=np.asarray([f"token{user}" for user in range(users)]),
        followers=followers,
        followees=followees,
        post_ids=FIRST_POST + np.arange(len(authors)),
        authors=authors,
    )

"""Which posts are watched on their way into feeds, how often, and by whom."""

import numpy as np

from sim.arrivals import arrival_times_s
from sim.engine.draws import generator
from sim.loadtest.plan import Canaries
from sim.loadtest.world import World

WATCHERS = 4
"""Followers who watch one post, the last one to get it among them."""

LARGEST_SHARE = 0.05
"""Of the offered requests, what canaries add."""

LEAST_PER_S = 2.0
"""Requests that canaries may make in any case: a slow run would hardly have any otherwise."""

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.25
PAUSE_GROWTH = 1.5

_READS_EXPECTED = 2
"""A watcher's reads until the post is there, on a server that keeps up."""


def drawn_canaries(world: World, *, rate_per_s: float, duration_s: float, seed: int) -> Canaries:
    """Return canaries beside a load of `rate_per_s` requests a second; none in a world too small.

    Their authors are drawn as all authors are, among those with followers. A server fills the feeds
    of followers in the order in which they follow; the watchers are evenly spread over that order,
    so that the last of them is the last of all.
    """
    followed = np.flatnonzero(np.bincount(world.followees, minlength=len(world)))
    requests_each = 1 + WATCHERS * _READS_EXPECTED
    canaries_per_s = max(rate_per_s * LARGEST_SHARE, LEAST_PER_S) / requests_each
    times_s = arrival_times_s(
        generator(seed, 0, "canaries.arrivals"),
        edges_s=(0.0, duration_s),
        rates_per_s=(canaries_per_s if len(followed) else 0.0,),
    )
    rng = generator(seed, 0, "canaries.authors")
    authors = rng.choice(followed, len(times_s)) if len(followed) else np.empty(0, dtype=np.int64)
    watchers = np.full((len(authors), WATCHERS), -1, dtype=np.int32)
    for row, author in zip(watchers, authors.tolist(), strict=True):
        followers = world.followers_of(author)
        spread = np.linspace(len(followers) - 1, 0, min(WATCHERS, len(followers)))
        row[: len(spread)] = followers[spread.round().astype(int)]
    return Canaries(times_s, authors.astype(np.int32), watchers)

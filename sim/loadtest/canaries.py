"""Canaries: posts of the schedule whose way into their followers' feeds is watched.

No load is added: the watching followers' reads take the place of as many reads of the schedule.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.engine.draws import generator
from sim.loadtest.schedule import NOBODY, Schedule, is_undone
from sim.loadtest.traffic import FLOWS, POSTS
from sim.loadtest.world import World

WATCHERS = 2
"""Followers who watch one post, the last one to get it among them."""

LARGEST_SHARE = 0.06
"""Of all requests, those that watch; beyond it watchers read less often."""

CANARY_READS = "canary_reads"
"""Watchers' reads among the flows: each waits for the one before, so that they are no part of the
flow `read_feed`, whose requests come when they are due."""

GIVE_UP_S = 10.0
"""A post that is not there after this time counts as lost."""

FIRST_PAUSE_S = 0.002
PAUSE_GROWTH = 1.5
LONGEST_PAUSE_S = 0.5
"""A watcher reads again and again, with growing pauses."""

READS_EACH = 6
"""Reads of all watchers of a post until it is there, on a server that keeps up: about three of
each."""


@dataclass(frozen=True, slots=True)
class Canaries:
    """Who watches which post; the subject of a post in the schedule is its row here, or NOBODY.

    Attributes:
        watchers: numbers of followers of the author, shape (canaries, WATCHERS); NOBODY for none.
    """

    watchers: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of canaries."""
        return len(self.watchers)


def with_canaries(schedule: Schedule, world: World, *, seed: int) -> tuple[Schedule, Canaries]:
    """Return the schedule with some of its posts watched, and with that many fewer reads.

    A server fills the feeds of an author's followers in the order in which they follow; of those
    who watch, the last is the last in that order, so the last of all, but for those whom the load
    may make unfollow: they do not watch.
    """
    rng = generator(seed, 0, "canaries")
    staying = ~is_undone(world.followers, world.followees)
    followed = np.bincount(world.followees[staying], minlength=len(world)) > 0
    are_posts = np.isin(schedule.flows, [FLOWS.index(name) for name in POSTS])
    candidates = np.flatnonzero(are_posts & followed[schedule.actors])
    most = int(len(schedule) * LARGEST_SHARE / READS_EACH)
    chosen = np.sort(rng.permutation(candidates)[:most])
    subjects = schedule.subjects.copy()
    subjects[chosen] = np.arange(len(chosen), dtype=np.int32)
    watchers = np.full((len(chosen), WATCHERS), NOBODY, dtype=np.int32)
    for row, author in zip(watchers, schedule.actors[chosen].tolist(), strict=True):
        followers = world.followers_of(author)
        followers = followers[~is_undone(followers, author)]
        spread = np.linspace(len(followers) - 1, 0, min(WATCHERS, len(followers)) + 1)[:-1]
        row[: len(spread)] = followers[spread.round().astype(int)]
    reads = np.flatnonzero(schedule.flows == FLOWS.index("read_feed"))
    replaced = rng.permutation(reads)[: len(chosen) * READS_EACH]
    kept = np.ones(len(schedule), dtype=bool)
    kept[replaced] = False
    return replace(schedule, subjects=subjects).part(kept), Canaries(watchers)

"""Followers who read their feeds until a post is there."""

import time
from collections.abc import Callable, Sequence

import gevent

from sim.loadtest.canaries import FIRST_PAUSE_S, LONGEST_PAUSE_S, PAUSE_GROWTH

GIVE_UP_S = 10.0
"""A post that is not there after this time counts as lost."""

ReadFeed = Callable[[int], bytes]
"""Reads the first page of a user's feed; returns its body, empty if there was no right answer."""


def seconds_to_last(
    post: int,
    watchers: Sequence[int],
    *,
    read_feed: ReadFeed,
    confirmed_s: float,
    is_stopping: Callable[[], bool],
) -> float | None:
    """Return how long after its confirmation the last watcher had read a post; None if one never.

    The time ends with the answer that has it, so a slow answer counts as what it is to a reader.
    """

    def arrival_s(watcher: int) -> float | None:
        # Ids are texts, so that none is found within another.
        needle, pause_s = b'"%d"' % post, FIRST_PAUSE_S
        while time.monotonic() - confirmed_s < GIVE_UP_S and not is_stopping():
            gevent.sleep(pause_s)
            if needle in read_feed(watcher):
                return time.monotonic()
            pause_s = min(pause_s * PAUSE_GROWTH, LONGEST_PAUSE_S)
        return None

    readers = [gevent.spawn(arrival_s, watcher) for watcher in watchers]
    gevent.joinall(readers)
    arrivals = [reader.value for reader in readers if reader.value is not None]
    return max(arrivals) - confirmed_s if len(arrivals) == len(readers) else None

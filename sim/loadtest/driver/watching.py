"""Followers who read their feeds until a post is there."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gevent

from sim.loadtest.canaries import FIRST_PAUSE_S, GIVE_UP_S, LONGEST_PAUSE_S, PAUSE_GROWTH

ReadFeed = Callable[[int, bool], bytes]
"""Reads the top of a user's feed, if asked to as far down as a page goes.

It returns the body, empty if there was no right answer."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A post that was read: how long after its confirmation, and how much earlier it may have come.

    The post came between the reads of a watcher, `resolution_s` apart, of which only the later one
    had it.
    """

    fresh_s: float
    resolution_s: float


def arrival_at_last(
    post: int,
    watchers: Sequence[int],
    *,
    read_feed: ReadFeed,
    confirmed_s: float,
    is_stopping: Callable[[], bool],
    stretch: Callable[[], float],
) -> Arrival | None:
    """Return when the last watcher had read a post; None if one of them never did.

    The time ends with the answer that has it, so a slow answer counts as what it is to a reader.
    Pauses are `stretch` times as long where a late server makes watchers read too often.
    """

    def arrival(watcher: int) -> Arrival | None:
        # Ids are texts, so that none is found within another.
        needle, pause_s = b'"%d"' % post, FIRST_PAUSE_S
        missed_s, is_deep = confirmed_s, False
        while time.monotonic() - confirmed_s < GIVE_UP_S and not is_stopping():
            gevent.sleep(pause_s * stretch())
            begun_s = time.monotonic()
            page = read_feed(watcher, is_deep)
            if needle in page:
                return Arrival(time.monotonic() - confirmed_s, begun_s - missed_s)
            is_deep = is_deep or _ends_above(page, post)
            missed_s, pause_s = begun_s, min(pause_s * PAUSE_GROWTH, LONGEST_PAUSE_S)
        return None

    readers = [gevent.spawn(arrival, watcher) for watcher in watchers]
    gevent.joinall(readers)
    arrivals = [reader.value for reader in readers if reader.value is not None]
    if len(arrivals) < len(readers):
        return None
    return max(arrivals, key=lambda each: each.fresh_s)


def _ends_above(page: bytes, post: int) -> bool:
    """Whether a page is full of newer posts, so that this one may stand below it."""
    try:
        items = json.loads(page)["items"]
        return bool(items) and int(items[-1]["postId"]) > post
    except (ValueError, KeyError, TypeError):
        return False

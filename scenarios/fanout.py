"""The push/pull rule: who puts a post into a feed, its author at writing or its reader at reading.

Pure, so that the server and the simulator decide alike.
"""

from enum import StrEnum


class Fanout(StrEnum):
    """The three designs: fan-out on write, on read, or on write below a threshold."""

    PUSH = "push"
    PULL = "pull"
    HYBRID = "hybrid"


def is_pushed(fanout: Fanout, *, followers: float, push_threshold: float) -> bool:
    """Whether a post by an author with that many followers is pushed to their feeds.

    Source: the follower-count form of Silberstein et al., Feeding Frenzy, SIGMOD 2010.
    """
    match fanout:
        case Fanout.PUSH:
            return True
        case Fanout.PULL:
            return False
        case Fanout.HYBRID:
            return followers <= push_threshold

"""64-bit ids: time first, so that ordering by id is ordering by time, and a logical shard last.

An id is 41 bits of milliseconds since 2020, 12 bits that count within a millisecond, and 10 bits of
shard. A post has its author's shard and a comment, a like or an event its post's, so that a row and
its event fall in one slot of a store that is spread over many machines.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

EPOCH_MS = 1_577_836_800_000
SHARDS = 1024
LARGEST_ID = 2**63 - 1

# An id as clients write it: each has one way.
ID_PATTERN = "^(0|[1-9][0-9]{0,18})$"

SHARD_BITS = 10
SEQUENCE_BITS = 12

_ID = re.compile(ID_PATTERN, re.ASCII)


class IdGenerator:
    """Makes ids that are unique and rise, also when the clock steps back or stands still.

    It goes on from the last id when the clock is behind it, and counts into the next millisecond
    when one has run out of numbers.
    """

    def __init__(self, now_ms: Callable[[], int], *, last_id: int = 0) -> None:
        self._now_ms = now_ms
        self.last_id = last_id

    @property
    def ceiling(self) -> int:
        """The largest id that one made so far can be: `on_shard` may have raised the last."""
        return self.last_id | (SHARDS - 1)

    def new(self, *, shard: int = 0) -> int:
        """Return an id above every earlier one, on that shard."""
        following = (self.last_id >> SHARD_BITS) + 1
        tick = max(following, (self._now_ms() - EPOCH_MS) << SEQUENCE_BITS)
        self.last_id = tick << SHARD_BITS | shard
        return self.last_id


def id_in(text: str) -> int | None:
    """Return the id that a text of digits is; None if it is none."""
    number = int(text) if _ID.fullmatch(text) else LARGEST_ID + 1
    return number if number <= LARGEST_ID else None


def shard_of(an_id: int) -> int:
    """Return the logical shard that an id carries."""
    return an_id % SHARDS


def on_shard(an_id: int, shard: int) -> int:
    """Return an id with the time of `an_id` on another shard; as unique as `an_id` is."""
    return an_id - shard_of(an_id) + shard


def spread_shard(an_id: int) -> int:
    """Return a shard for something that belongs to nothing else, always the same for an id.

    Multiplicative hashing, Knuth, The Art of Computer Programming vol. 3, section 6.4.
    """
    return ((an_id >> SHARD_BITS) * 0x9E3779B97F4A7C15 % 2**64) >> 54


def first_id_at(time_ms: int) -> int:
    """Return the least id of that millisecond (since 1970)."""
    return max(time_ms - EPOCH_MS, 0) << (SEQUENCE_BITS + SHARD_BITS)


def time_ms_of(an_id: int) -> int:
    """Return when an id was made, milliseconds since 1970."""
    return (an_id >> (SEQUENCE_BITS + SHARD_BITS)) + EPOCH_MS


def timestamp_at(time_ms: int) -> str:
    """Return a time, milliseconds since 1970, as RFC 3339 in UTC with milliseconds."""
    second, ms = divmod(time_ms, 1000)
    return f"{_second_at(second)}.{ms:03d}Z"


# What is made at the same time is told at the same time.
@lru_cache(maxsize=1024)
def _second_at(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, tz=UTC).isoformat()[:-6]


def timestamp_of(an_id: int) -> str:
    """Return when an id was made, as `timestamp_at` does."""
    return timestamp_at(time_ms_of(an_id))

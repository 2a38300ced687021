"""Who has read their feed lately: told to the feeds db in the background, at no read's cost."""

import asyncio
from contextlib import suppress

from server.errors import OverloadedError, StorageError
from server.ports.clock import Clock
from server.ports.stores import Feeds
from server.services.caches import LeasedCache

# A feed that was read is noted as such at most this often, and four times before it is dropped.
LONGEST_INTERVAL_MS = 3_600_000
NOTES_BEFORE_AWAY = 4
READERS_REMEMBERED = 100_000
# Notes on their way: past this many the next read of the same feed tells it.
NOTES_AT_ONCE = 500


class ReadingNotes:
    """Keeps the feeds of those who read from being dropped as those of users who are away."""

    def __init__(self, *, feeds: Feeds, clock: Clock, away_s: float) -> None:
        self._feeds = feeds
        self._clock = clock
        away_ms = round(away_s * 1000)
        self._interval_ms = min(LONGEST_INTERVAL_MS, away_ms // NOTES_BEFORE_AWAY)
        self._noted_ms: LeasedCache[int, int] = LeasedCache(capacity=READERS_REMEMBERED)
        self._under_way: dict[int, asyncio.Task[None]] = {}

    def note(self, user_id: int) -> None:
        """Note that a user has just read their feed, unless that was noted lately."""
        now_ms = self._clock.now_ms()
        if (self._noted_ms.get(user_id) or 0) > now_ms - self._interval_ms:
            return
        if user_id not in self._under_way and len(self._under_way) < NOTES_AT_ONCE:
            task = asyncio.create_task(self._tell(user_id, now_ms))
            self._under_way[user_id] = task
            task.add_done_callback(lambda _: self._under_way.pop(user_id))

    async def stop(self) -> None:
        """Give up what is under way: the next read tells it."""
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def _tell(self, user_id: int, now_ms: int) -> None:
        # Without a store nothing is noted: the next read does it.
        with suppress(StorageError, OverloadedError):
            await self._feeds.touch(user_id, now_ms=now_ms)
            self._noted_ms.put(user_id, now_ms)

"""Attendance: who has read their feed lately, since the feeds of those who are away are dropped."""

import asyncio

from server.errors import OverloadedError, StorageError
from server.ports.clock import Clock
from server.ports.stores import Feeds
from server.services.caches import LeasedCache

# A feed that was read is noted as such at most this often.
NOTE_AGAIN_MS = 3_600_000
READERS_REMEMBERED = 100_000


class Attendance:
    """Notes readings beside the reading: no page waits for a write, or fails with one."""

    def __init__(self, feeds: Feeds, clock: Clock) -> None:
        self._feeds = feeds
        self._clock = clock
        self._noted_ms: LeasedCache[int, int] = LeasedCache(capacity=READERS_REMEMBERED)
        self._notes: set[asyncio.Task[None]] = set()

    def note(self, user_id: int) -> None:
        """Have it noted that a user reads."""
        now_ms = self._clock.now_ms()
        if (self._noted_ms.get(user_id) or 0) < now_ms - NOTE_AGAIN_MS:
            self._noted_ms.put(user_id, now_ms)
            note = asyncio.create_task(self._write(user_id, now_ms))
            self._notes.add(note)
            note.add_done_callback(self._notes.discard)

    async def _write(self, user_id: int, now_ms: int) -> None:
        try:
            await self._feeds.touch(user_id, now_ms=now_ms)
        except (StorageError, OverloadedError):
            # It is noted at the next reading.
            self._noted_ms.drop([user_id])

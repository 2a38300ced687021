"""The likes cache: postId -> counts of likes and comments, written with each write."""

from collections.abc import Iterable, Mapping

from server.model.records import Counts
from server.ports.stores import Counters
from server.ports.telemetry import Telemetry
from server.services.caches import LeasedCache

BOX = "likes_cache"
CAPACITY = 200_000
# Of the counts of a post, its id, its place and its mark in the cache (measured: 235).
_ENTRY_BYTES = 250


class LikesCache:
    """Counts in memory; a miss is read from the counters, never by counting rows."""

    def __init__(self, counters: Counters, telemetry: Telemetry) -> None:
        self._counters = counters
        self._lookups = telemetry.lookups(BOX)
        self._counts: LeasedCache[int, Counts] = LeasedCache(capacity=CAPACITY)
        counters.subscribe(self._put)

    async def counts(self, post_ids: Iterable[int]) -> Mapping[int, Counts]:
        """Return the counts of posts."""
        wanted = list(post_ids)
        counts = {post_id: found for post_id in wanted if (found := self._counts.get(post_id))}
        missing = [post_id for post_id in wanted if post_id not in counts]
        self._lookups.hits += len(counts)
        self._lookups.misses += len(missing)
        if missing:
            lease = self._counts.lease()
            for post_id, found in (await self._counters.get_many(missing)).items():
                counts[post_id] = found
                self._counts.fill(post_id, found, lease=lease)
        return counts

    @property
    def held_bytes(self) -> int:
        """What the counts take in memory, by estimate."""
        return len(self._counts) * _ENTRY_BYTES

    def clear(self) -> None:
        """Lose everything, as when the cache's machine dies."""
        self._counts.clear()

    async def reconcile(self, *, chunk: int) -> None:
        """Set the counts of all posts to what the likes and comments say."""
        above = 0
        while looked_at := await self._counters.reconcile(above=above, limit=chunk):
            above = looked_at[-1]

    def _put(self, written: Mapping[int, Counts]) -> None:
        for post_id, counts in written.items():
            self._counts.put(post_id, counts)

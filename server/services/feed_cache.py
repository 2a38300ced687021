"""The feed cache: what a reader's feed is made of, kept up to date by the feed generator."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from server.model.feeds import Feed
from server.model.records import FeedEntry
from server.ports.stores import Feeds, Follows
from server.ports.telemetry import Telemetry
from server.services.caches import LeasedCache

BOX = "feed_cache"
CAPACITY = 20_000


@dataclass(frozen=True, slots=True)
class FeedSources:
    """What a page is made from.

    Attributes:
        followees: all whom the reader follows: nobody else's posts are shown.
        pulled: those of them whose posts may not be in the feed: not pushed, or not backfilled.
        feed: the prepared feed, if there is one.
    """

    followees: frozenset[int]
    pulled: tuple[int, ...]
    feed: Feed | None


@dataclass(slots=True)
class _Cached:
    sources: FeedSources
    # Entries pushed since, merged at the next read: most feeds are pushed to more than read.
    pushed: list[FeedEntry]

    def can_take_more(self, most: int) -> bool:
        return self.sources.feed is not None and len(self.pushed) < most


class FeedCache:
    """Sources in memory, bounded; a miss is read from the follow db and the feeds db."""

    def __init__(
        self, *, follows: Follows, feeds: Feeds, telemetry: Telemetry, max_entries: int
    ) -> None:
        self._follows = follows
        self._feeds = feeds
        self._telemetry = telemetry
        self._max_entries = max_entries
        self._sources: LeasedCache[int, _Cached] = LeasedCache(capacity=CAPACITY)

    async def sources(self, user_id: int) -> FeedSources:
        """Return what a user's feed is made from."""
        cached = self._sources.get(user_id)
        self._telemetry.cache(BOX, hits=int(cached is not None), misses=int(cached is None))
        if cached:
            return self._with_pushed(cached)
        lease = self._sources.lease()
        # The graph first: what is settled there is in the feed that is read after it.
        followees = await self._follows.followees(user_id)
        feed = await self._feeds.get(user_id)
        sources = FeedSources(
            followees=frozenset(followee.user_id for followee in followees),
            pulled=tuple(
                followee.user_id
                for followee in followees
                if followee.is_pulled or not followee.is_settled
            ),
            feed=feed,
        )
        self._sources.fill(user_id, _Cached(sources, []), lease=lease)
        return sources

    def push(self, entries: Mapping[int, Sequence[FeedEntry]]) -> None:
        """Add entries, by user, that were just written to their feeds."""
        for user_id, of_user in entries.items():
            cached = self._sources.get(user_id)
            if cached and cached.can_take_more(self._max_entries):
                cached.pushed += of_user
                self._sources.put(user_id, cached)
            else:
                self._sources.drop([user_id])

    def drop(self, user_ids: Iterable[int]) -> None:
        """Forget the feeds of users whose feed or followees were just written."""
        self._sources.drop(user_ids)

    def clear(self) -> None:
        """Lose everything, as when the cache's machine dies."""
        self._sources.clear()

    def _with_pushed(self, cached: _Cached) -> FeedSources:
        if cached.pushed and cached.sources.feed is not None:
            feed = cached.sources.feed.with_new(cached.pushed, cap=self._max_entries)
            cached.sources = replace(cached.sources, feed=feed)
            cached.pushed.clear()
        return cached.sources

"""The feed cache: what a reader's feed is made of, kept up to date by the feed generator."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from server.model.feeds import FanOut, Feed
from server.model.records import FeedEntry
from server.ports.stores import Feeds, Follows
from server.ports.telemetry import Telemetry

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
    # None while they are read from the stores.
    sources: FeedSources | None = None
    # Entries pushed since, merged at the next read: most feeds are pushed to more than read.
    pushed: list[FeedEntry] = field(default_factory=list)


class FeedCache:
    """Sources in memory, bounded; a miss is read from the follow db and the feeds db.

    An empty place is taken while sources are read, and gathers what is pushed meanwhile; if the
    place is gone when they have come, what was read may be old and is not kept.
    """

    def __init__(
        self, *, follows: Follows, feeds: Feeds, telemetry: Telemetry, max_entries: int
    ) -> None:
        self._follows = follows
        self._feeds = feeds
        self._telemetry = telemetry
        self._max_entries = max_entries
        self._cached: OrderedDict[int, _Cached] = OrderedDict()

    async def sources(self, user_id: int) -> FeedSources:
        """Return what a user's feed is made from."""
        cached = self._cached.get(user_id)
        is_hit = cached is not None and cached.sources is not None
        self._telemetry.cache(BOX, hits=int(is_hit), misses=int(not is_hit))
        if cached is None:
            return await self._fill(user_id)
        if cached.sources is None:
            # Somebody else fills it.
            return await self._read(user_id)
        self._cached.move_to_end(user_id)
        return self._with_pushed(cached, cached.sources)

    def push(self, fan_outs: Iterable[FanOut]) -> None:
        """Add posts that were just written to their followers' feeds."""
        find = self._cached.get
        for fan_out in fan_outs:
            for user_id in fan_out.follower_ids:
                cached = find(user_id)
                if cached is None:
                    continue
                cached.pushed.append(fan_out.entry)
                if len(cached.pushed) > self._max_entries:
                    del self._cached[user_id]

    def drop(self, user_ids: Iterable[int]) -> None:
        """Forget the feeds of users whose feed or followees were just written."""
        for user_id in user_ids:
            self._cached.pop(user_id, None)

    def clear(self) -> None:
        """Lose everything, as when the cache's machine dies."""
        self._cached.clear()

    async def _fill(self, user_id: int) -> FeedSources:
        cached = self._cached[user_id] = _Cached()
        if len(self._cached) > CAPACITY:
            self._cached.popitem(last=False)
        try:
            sources = await self._read(user_id)
        except BaseException:
            if self._cached.get(user_id) is cached:
                del self._cached[user_id]
            raise
        cached.sources = sources
        return self._with_pushed(cached, sources)

    async def _read(self, user_id: int) -> FeedSources:
        # The graph first: what is settled there is in the feed that is read after it.
        followees = await self._follows.followees(user_id)
        feed = await self._feeds.get(user_id)
        return FeedSources(
            followees=frozenset(followee.user_id for followee in followees),
            pulled=tuple(
                followee.user_id
                for followee in followees
                if followee.is_pulled or not followee.is_settled
            ),
            feed=feed,
        )

    def _with_pushed(self, cached: _Cached, sources: FeedSources) -> FeedSources:
        if not cached.pushed:
            return sources
        if sources.feed is not None:
            feed = sources.feed.with_new(cached.pushed, cap=self._max_entries)
            sources = cached.sources = replace(sources, feed=feed)
        cached.pushed.clear()
        return sources

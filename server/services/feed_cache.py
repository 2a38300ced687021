"""The feed cache: what a reader's feed is made of, kept up to date by the feed generator."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from server.model.feeds import FanOut, Feed
from server.model.ids import LARGEST_ID
from server.model.records import FeedEntry, Followee, Pair
from server.ports.stores import Feeds, Follows
from server.ports.telemetry import Telemetry

BOX = "feed_cache"
CAPACITY = 20_000
BUDGET_BYTES = 512 * 2**20
# Of the objects that hold an entry of the cache together; of a followee in a set; of a pushed entry
# in a list, the entry itself being all followers' own.
_AROUND_BYTES = 500
_FOLLOWEE_BYTES = 100
_PUSHED_BYTES = 8


# Pages refer to their sources weakly.
@dataclass(frozen=True, slots=True, weakref_slot=True)
class FeedSources:
    """What a page is made from.

    Attributes:
        followees: all whom the reader follows: nobody else's posts are shown.
        pulled: those of them whose posts may not be in the feed, not pushed or not backfilled, each
            with the id from which on they are in it as soon as they are in anybody's.
        feed: the prepared feed, if there is one.
    """

    followees: frozenset[int]
    pulled: Mapping[int, int]
    feed: Feed | None


@dataclass(slots=True)
class _Cached:
    size_bytes: int
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
        self._lookups = telemetry.lookups(BOX)
        self._max_entries = max_entries
        self._cached: OrderedDict[int, _Cached] = OrderedDict()
        self._bytes = 0
        self._pushed_from: dict[Pair, int] = {}

    @property
    def held(self) -> int:
        """How many users' feeds are in memory."""
        return len(self._cached)

    @property
    def held_bytes(self) -> int:
        """What they take in memory, by estimate."""
        return self._bytes

    def cached(self, user_id: int) -> FeedSources | None:
        """Return what a user's feed is made from, if it is in memory."""
        sources = self.at_hand(user_id)
        if sources is None:
            self._lookups.misses += 1
        else:
            self.note_hit(user_id)
        return sources

    def at_hand(self, user_id: int) -> FeedSources | None:
        """Return the same for who looks only: it counts as no use until `note_hit`."""
        cached = self._cached.get(user_id)
        if cached is None or cached.sources is None:
            return None
        return self._with_pushed(user_id, cached, cached.sources)

    def note_hit(self, user_id: int) -> None:
        """Note that what was at hand was used."""
        self._lookups.hits += 1
        self._cached.move_to_end(user_id)

    async def filled(self, user_id: int) -> FeedSources:
        """Return the same for a user of whom nothing is in memory, and keep it."""
        if user_id in self._cached:
            # Somebody else fills it.
            return await self._read(user_id)
        return await self._fill(user_id)

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
                    self._remove(user_id)

    def follow(self, pair: Pair, *, pushed_from: int) -> None:
        """Forget a feed whose user has just followed somebody, whose posts are pushed from now on.

        What is pushed is not pulled before it is, until the rest is backfilled: it would be seen,
        gone when nothing is pulled any more, and seen again when it is pushed.
        """
        self._pushed_from[pair] = pushed_from
        self.drop([pair.follower_id])

    def settle(self, pairs: Iterable[Pair]) -> None:
        """Forget the feeds of users for whom it is settled whom they follow."""
        for pair in pairs:
            self._pushed_from.pop(pair, None)
            self._remove(pair.follower_id)

    def drop(self, user_ids: Iterable[int]) -> None:
        """Forget the feeds of users whose feed or followees were just written."""
        for user_id in user_ids:
            self._remove(user_id)

    def clear(self) -> None:
        """Lose everything, as when the cache's machine dies."""
        self._cached.clear()
        self._bytes = 0

    async def _fill(self, user_id: int) -> FeedSources:
        cached = self._cached[user_id] = _Cached(self._size_bytes(None))
        self._bytes += cached.size_bytes
        self._make_room()
        try:
            sources = await self._read(user_id)
        except BaseException:
            if self._cached.get(user_id) is cached:
                self._remove(user_id)
            raise
        self._keep(user_id, cached, sources)
        sources = self._with_pushed(user_id, cached, sources)
        self._make_room()
        return sources

    async def _read(self, user_id: int) -> FeedSources:
        # The graph first: what is settled there is in the feed that is read after it.
        followees = await self._follows.followees(user_id)
        pulled = {
            followee.user_id: self._is_pulled_below(user_id, followee)
            for followee in followees
            if followee.is_pulled or not followee.is_settled
        }
        feed = await self._feeds.get(user_id)
        return FeedSources(
            followees=frozenset(followee.user_id for followee in followees),
            pulled=pulled,
            feed=feed,
        )

    def _is_pulled_below(self, user_id: int, followee: Followee) -> int:
        if followee.is_pulled:
            return LARGEST_ID
        return self._pushed_from.get(Pair(user_id, followee.user_id), LARGEST_ID)

    def _with_pushed(self, user_id: int, cached: _Cached, sources: FeedSources) -> FeedSources:
        if not cached.pushed:
            return sources
        if sources.feed is not None:
            feed = sources.feed.with_new(cached.pushed, cap=self._max_entries)
            sources = replace(sources, feed=feed)
            self._keep(user_id, cached, sources)
        cached.pushed.clear()
        return sources

    def _keep(self, user_id: int, cached: _Cached, sources: FeedSources) -> None:
        cached.sources = sources
        # Its place may be gone.
        if self._cached.get(user_id) is cached:
            size_bytes = self._size_bytes(sources)
            self._bytes += size_bytes - cached.size_bytes
            cached.size_bytes = size_bytes

    def _size_bytes(self, sources: FeedSources | None) -> int:
        size_bytes = _AROUND_BYTES + _PUSHED_BYTES * self._max_entries
        if sources is not None:
            size_bytes += _FOLLOWEE_BYTES * len(sources.followees)
            size_bytes += 0 if sources.feed is None else len(sources.feed.packed)
        return size_bytes

    def _remove(self, user_id: int) -> None:
        cached = self._cached.pop(user_id, None)
        if cached is not None:
            self._bytes -= cached.size_bytes

    def _make_room(self) -> None:
        while len(self._cached) > CAPACITY or self._bytes > BUDGET_BYTES:
            _, cached = self._cached.popitem(last=False)
            self._bytes -= cached.size_bytes

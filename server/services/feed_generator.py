"""The feed generator: puts posts into followers' feeds, and keeps feeds true to the graph."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from scenarios.fanout import Fanout, is_pushed
from server.errors import OverloadedError, StorageError
from server.model.events import Event, EventKind
from server.model.feeds import Backfill, FanOut, chunks
from server.model.ids import LARGEST_ID, IdGenerator, time_ms_of
from server.model.pages import PageRequest
from server.model.records import FeedEntry, Pair
from server.ports.clock import Clock
from server.ports.stores import Stores
from server.services.feed_cache import FeedCache, FeedSources

# An author with more followers than this has a queue of their own kind: ordinary posts do not wait
# behind theirs.
WIDE = 5_000
# Followers in one write: a wide fan-out lets others through between its chunks.
CHUNK = 10_000
# Feed entries of ordinary posts in one write, a tenth of a second's: commits of 10,000 took four
# times as long together (measured).
WRITTEN_AT_ONCE = 100_000
# Feed entries in one turn of the event loop, a millisecond.
CACHED_AT_ONCE = 10_000
REBUILDS_AT_ONCE = 4
REBUILDS_WAITING = 1_000
DAY_MS = 86_400_000


class UnknownEventError(Exception):
    """An event that this box does not know."""

    def __init__(self, event: Event) -> None:
        self.event = event
        super().__init__(f"no flow for an event of kind {event.kind!r}")


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """How feeds are made.

    Attributes:
        fanout: which of the design document's designs runs.
        push_threshold: followers above which the hybrid design pulls an author's posts.
        max_entries: entries a feed holds before it is trimmed.
        away_s: time without a read after which a feed is dropped, to be rebuilt on return.
    """

    fanout: Fanout = Fanout.PUSH
    push_threshold: int = 10_000
    max_entries: int = 800
    away_s: float = 7 * 86_400.0

    @property
    def design(self) -> str:
        """What the feeds on disk depend on: another design's feeds are not complete."""
        threshold = f" {self.push_threshold}" if self.fanout is Fanout.HYBRID else ""
        return f"{self.fanout}{threshold}"


class FeedGenerator:
    """Steps 6 to 10 of the flow "create a text post", and what a follow does to a feed."""

    def __init__(
        self,
        *,
        settings: FeedSettings,
        stores: Stores,
        feed_cache: FeedCache,
        ids: IdGenerator,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._posts = stores.posts
        self._follows = stores.follows
        self._feeds = stores.feeds
        self._messages = stores.messages
        self._feed_cache = feed_cache
        self._ids = ids
        self._clock = clock
        self._locks: dict[int, _SharedLock] = {}
        self._slots = asyncio.Semaphore(REBUILDS_AT_ONCE)
        self._rebuilds: dict[int, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Drop the feeds that another design has made."""
        if await self._feeds.design() != self._settings.design:
            # In this order, since the design is noted last.
            await self._follows.forget_pulled()
            await self._feeds.reset(self._settings.design)

    async def stop(self) -> None:
        """Give up the rebuilds under way: the next read asks for them again."""
        for rebuild in self._rebuilds.values():
            rebuild.cancel()
        await asyncio.gather(*self._rebuilds.values(), return_exceptions=True)

    async def consume(self, events: Sequence[Event]) -> None:
        """Bring the feeds up to date with what has happened; no matter if it comes twice."""
        posted: list[FeedEntry] = []
        # Each pair once, in their order.
        changed: dict[Pair, None] = {}
        for event in events:
            match event.kind:
                case EventKind.POSTED:
                    posted.append(FeedEntry(event.subject_id, event.user_id))
                case EventKind.FOLLOWED | EventKind.UNFOLLOWED:
                    changed[Pair(event.user_id, event.subject_id)] = None
                case _:
                    raise UnknownEventError(event)
        if changed:
            await self._follow_up(changed)
        if posted and self._settings.fanout is not Fanout.PULL:
            await self._fan_out(posted)

    async def consume_wide(self, events: Sequence[Event]) -> None:
        """Fan posts of authors with many followers out, chunk by chunk."""
        for event in events:
            if event.kind != EventKind.POSTED_WIDELY:
                raise UnknownEventError(event)
            entry = FeedEntry(event.subject_id, event.user_id)
            edge_id = 0
            while True:
                chunk = await self._follows.followers_after(
                    entry.author_id, edge_id=edge_id, limit=CHUNK
                )
                await self._push([FanOut(entry, chunk.follower_ids)])
                edge_id = chunk.last_edge_id
                if len(chunk.follower_ids) < CHUNK:
                    break

    def rebuild_if_short(self, user_id: int, sources: FeedSources) -> None:
        """Have a missing or half-empty feed rebuilt in the background, once at a time a user.

        Meanwhile the reader pulls: an empty page is never the answer to a lost feed.
        """
        feed = sources.feed
        is_short = feed is None or (feed.floor > 0 and len(feed) < self._settings.max_entries / 2)
        if (
            is_short
            and self._settings.fanout is not Fanout.PULL
            and user_id not in self._rebuilds
            and len(self._rebuilds) < REBUILDS_WAITING
        ):
            rebuild = asyncio.create_task(self._rebuild_in_turn(user_id))
            self._rebuilds[user_id] = rebuild
            rebuild.add_done_callback(lambda _: self._rebuilds.pop(user_id))

    async def rebuild(self, user_id: int) -> None:
        """Fill a feed with the newest posts of those its user follows; none in the pull design."""
        if self._settings.fanout is Fanout.PULL:
            # Nothing would be pushed to it.
            return
        async with self._only_one(user_id):
            # Pushed to from here on, so that no post falls between what is read now and later. Nor
            # is one dropped that comes between, at or below this first floor: whoever pushes it was
            # told of it by the one reader of the file, first in, first out, after the entries were
            # read, and so writes it after the merge. A second reader, or entries that are read in
            # parts, would end that.
            await self._feeds.create(user_id, floor=self._ids.ceiling, now_ms=self._clock.now_ms())
            # Who read without a feed would see posts that are not pushed yet, and then not.
            self._feed_cache.drop([user_id])
            authors = [f.user_id for f in await self._follows.followees(user_id) if not f.is_pulled]
            most = self._settings.max_entries
            entries = await self._posts.entries_by(authors, PageRequest(LARGEST_ID, most))
            floor = entries[-1].post_id - 1 if len(entries) == most else 0
            await self._feeds.merge(user_id, entries, floor=floor)
            self._feed_cache.drop([user_id])

    async def drop_feeds_of_the_away(self) -> None:
        """Drop the feeds that nobody has read for days: no post is pushed to them any more."""
        since_ms = self._clock.now_ms() - round(self._settings.away_s * 1000)
        if await self._feeds.drop(read_before_ms=since_ms):
            self._feed_cache.clear()

    async def _fan_out(self, entries: Sequence[FeedEntry]) -> None:
        authors = {entry.author_id for entry in entries}
        audiences = await self._follows.audiences(authors, most=WIDE)
        narrow: list[FanOut] = []
        wide: list[FeedEntry] = []
        for entry in entries:
            audience = audiences[entry.author_id]
            if not self._is_pushed(audience.size):
                await self._pull_from_now_on(entry.author_id)
            elif audience.size > WIDE:
                wide.append(entry)
            elif audience.size:
                narrow.append(FanOut(entry, audience.follower_ids))
        await self._push(narrow)
        # Last, so that nothing is queued for a batch that has to be tried again.
        for entry in wide:
            await self._fan_out_apart(entry)

    async def _fan_out_apart(self, entry: FeedEntry) -> None:
        event = Event(EventKind.POSTED_WIDELY, entry.author_id, entry.post_id)
        await self._messages.put([event], queued_at_ms=time_ms_of(entry.post_id))

    def _is_pushed(self, followers: int) -> bool:
        return is_pushed(
            self._settings.fanout,
            followers=followers,
            push_threshold=self._settings.push_threshold,
        )

    async def _push(self, fan_outs: Sequence[FanOut]) -> None:
        for chunk in chunks(fan_outs, entries=WRITTEN_AT_ONCE):
            await self._feeds.push(chunk)
            for part in chunks(chunk, entries=CACHED_AT_ONCE):
                self._feed_cache.push(part)
                # Requests get their turn.
                await asyncio.sleep(0)

    async def _pull_from_now_on(self, author_id: int) -> None:
        await self._follows.mark_pulled(author_id)
        # All who follow the author are concerned; it happens once to an author.
        self._feed_cache.clear()

    async def _follow_up(self, changed: Collection[Pair]) -> None:
        """Make feeds true to the edges as they stand now, whatever has happened to them before.

        All pairs share the trips: each by itself, a hundred follows would be five hundred.
        """
        followers = {pair.follower_id for pair in changed}
        async with AsyncExitStack() as locks:
            # In one order, so that nobody waits for somebody who waits for them.
            for follower_id in sorted(followers):
                await locks.enter_async_context(self._only_one(follower_id))
            standing = await self._follows.standing(changed)
            gone = [pair for pair in changed if pair not in standing]
            if gone:
                await self._feeds.remove_authors(gone)
            if standing:
                await self._backfill(standing)
            self._feed_cache.settle(changed)

    async def _backfill(self, pairs: Collection[Pair]) -> None:
        """Put new followees' posts above the floors into the feeds, and settle the edges."""
        floors = await self._feeds.floors({pair.follower_id for pair in pairs})
        kept = [pair for pair in pairs if pair.follower_id in floors]
        lowest: dict[int, int] = {}
        for follower_id, followee_id in kept:
            floor = floors[follower_id]
            lowest[followee_id] = min(floor, lowest.get(followee_id, floor))
        if kept:
            # One more than fits, so that the floor rises above what is not fetched.
            most = self._settings.max_entries + 1
            newest = await self._posts.newest_by(lowest, limit=most)
            await self._feeds.backfill([Backfill(pair, newest[pair.followee_id]) for pair in kept])
        await self._follows.settle(pairs)

    async def _rebuild_in_turn(self, user_id: int) -> None:
        async with self._slots:
            # Without a store there is no rebuild: the next read asks for it again.
            with suppress(StorageError, OverloadedError):
                await self.rebuild(user_id)

    @asynccontextmanager
    async def _only_one(self, user_id: int) -> AsyncIterator[None]:
        """Do one thing at a time to a feed's older part: rebuild, backfill or empty it."""
        lock = self._locks.setdefault(user_id, _SharedLock())
        lock.holders += 1
        try:
            async with lock.lock:
                yield
        finally:
            lock.holders -= 1
            if not lock.holders:
                del self._locks[user_id]


@dataclass
class _SharedLock:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    holders: int = 0

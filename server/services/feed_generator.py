"""The feed generator: puts posts into followers' feeds, and keeps feeds true to the graph."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from scenarios.fanout import Fanout, is_pushed
from server.errors import OverloadedError, StorageError
from server.model.events import Event, EventKind
from server.model.ids import LARGEST_ID, IdGenerator
from server.model.pages import PageRequest
from server.model.records import FeedEntry
from server.ports.clock import Clock
from server.ports.stores import Stores
from server.services.feed_cache import FeedCache, FeedSources

# Followers in one write: a huge fan-out lets other writes through between its chunks.
CHUNK = 1_000
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
        self._users = stores.users
        self._follows = stores.follows
        self._feeds = stores.feeds
        self._feed_cache = feed_cache
        self._ids = ids
        self._clock = clock
        self._locks: dict[int, _SharedLock] = {}
        self._slots = asyncio.Semaphore(REBUILDS_AT_ONCE)
        self._rebuilds: dict[int, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Drop the feeds that another design has made."""
        await self._feeds.reset(self._settings.design)

    async def stop(self) -> None:
        """Give up the rebuilds under way: the next read asks for them again."""
        for rebuild in self._rebuilds.values():
            rebuild.cancel()
        await asyncio.gather(*self._rebuilds.values(), return_exceptions=True)

    async def consume(self, events: Sequence[Event]) -> None:
        """Bring the feeds up to date with what has happened; no matter if it comes twice."""
        posted: list[int] = []
        for event in events:
            match event.kind:
                case EventKind.POSTED:
                    posted.append(event.subject_id)
                case EventKind.FOLLOWED:
                    await self._backfill(event.user_id, event.subject_id)
                case EventKind.UNFOLLOWED:
                    await self._empty(event.user_id, event.subject_id)
                case _:
                    raise UnknownEventError(event)
        if posted and self._settings.fanout is not Fanout.PULL:
            await self._fan_out(posted)

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
            # Pushed to from here on, so that no post falls between what is read now and later.
            await self._feeds.create(user_id, floor=self._ids.ceiling, now_ms=self._clock.now_ms())
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

    async def _fan_out(self, post_ids: Sequence[int]) -> None:
        posts = await self._posts.get_many(post_ids)
        by_author: dict[int, list[FeedEntry]] = defaultdict(list)
        for post in posts.values():
            by_author[post.author_id].append(FeedEntry(post.post_id, post.author_id))
        authors = await self._users.get_many(by_author)
        # The few with many followers last, so that they do not keep the others waiting.
        pushed: dict[int, list[FeedEntry]] = defaultdict(list)
        for author in sorted(authors.values(), key=lambda author: author.followers):
            entries = by_author[author.user_id]
            if not self._is_pushed(author.followers):
                await self._pull_from_now_on(author.user_id)
                continue
            async for follower_ids in self._followers(author.user_id):
                for follower_id in follower_ids:
                    pushed[follower_id] += entries
                if len(pushed) >= CHUNK:
                    await self._push(pushed)
                    pushed.clear()
        await self._push(pushed)

    def _is_pushed(self, followers: int) -> bool:
        return is_pushed(
            self._settings.fanout,
            followers=followers,
            push_threshold=self._settings.push_threshold,
        )

    async def _followers(self, author_id: int) -> AsyncIterator[Sequence[int]]:
        edge_id = 0
        while edges := await self._follows.followers_after(author_id, edge_id=edge_id, limit=CHUNK):
            yield [edge.follower_id for edge in edges]
            edge_id = edges[-1].edge_id
            if len(edges) < CHUNK:
                break

    async def _push(self, pushed: Mapping[int, Sequence[FeedEntry]]) -> None:
        if pushed:
            await self._feeds.push(pushed)
            self._feed_cache.push(pushed)

    async def _pull_from_now_on(self, author_id: int) -> None:
        await self._follows.mark_pulled(author_id)
        # All who follow the author are concerned; it happens once to an author.
        self._feed_cache.clear()

    async def _backfill(self, follower_id: int, followee_id: int) -> None:
        """Put a new followee's posts above the floor into the feed, and settle the edge."""
        async with self._only_one(follower_id):
            feed = await self._feeds.get(follower_id)
            if feed is not None and await self._follows.has(follower_id, followee_id):
                # One more than fits, so that the floor rises above what is not fetched.
                newest = PageRequest(LARGEST_ID, self._settings.max_entries + 1)
                entries = await self._posts.entries_by([followee_id], newest, above=feed.floor)
                await self._feeds.merge(follower_id, entries, floor=feed.floor)
            await self._follows.settle(follower_id, followee_id)
            self._feed_cache.drop([follower_id])

    async def _empty(self, follower_id: int, followee_id: int) -> None:
        """Take a former followee's posts out of the feed, unless they are followed again."""
        async with self._only_one(follower_id):
            if not await self._follows.has(follower_id, followee_id):
                await self._feeds.remove_author(follower_id, followee_id)
                self._feed_cache.drop([follower_id])

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

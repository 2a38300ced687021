"""A reader that fills the cache, and what happens between its reading and its filling."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from server.adapters.memory.stores import MemoryFeeds, memory_stores
from server.adapters.metrics import Metrics
from server.model.feeds import FanOut, Feed
from server.model.records import FeedEntry, Pair
from server.services.feed_cache import FeedCache, FeedSources
from tests.fakes.clock import ManualClock

USER = 1
OLD, NEW = FeedEntry(10, 7), FeedEntry(11, 7)


class SlowFeeds(MemoryFeeds):
    """Feeds whose reads can be held back after they have looked."""

    def __init__(self) -> None:
        super().__init__(cap=5)
        self.reads = 0
        self.may_answer = asyncio.Event()

    async def get(self, user_id: int) -> Feed | None:
        found = await super().get(user_id)
        self.reads += 1
        await self.may_answer.wait()
        return found


Meanwhile = Callable[[FeedCache, SlowFeeds], Awaitable[None]]


async def push(cache: FeedCache, feeds: SlowFeeds) -> None:
    await feeds.push([FanOut(NEW, [USER])])
    cache.push([FanOut(NEW, [USER])])


async def drop(cache: FeedCache, feeds: SlowFeeds) -> None:
    await feeds.remove_authors([Pair(USER, OLD.author_id)])
    cache.drop([USER])


async def clear(cache: FeedCache, feeds: SlowFeeds) -> None:
    await feeds.remove_authors([Pair(USER, OLD.author_id)])
    cache.clear()


@pytest.mark.parametrize(
    ("meanwhile", "reads", "expected"),
    [(push, 1, (NEW, OLD)), (drop, 2, ()), (clear, 2, ())],
)
def test_nothing_old_stays_in_the_cache(
    meanwhile: Meanwhile, reads: int, expected: tuple[FeedEntry, ...]
) -> None:
    async def run() -> None:
        feeds = SlowFeeds()
        cache = await cache_of(feeds)
        reading = asyncio.create_task(sources_in(cache))
        await asyncio.sleep(0)
        await meanwhile(cache, feeds)
        feeds.may_answer.set()
        await reading

        again = await sources_in(cache)

        assert again.feed is not None
        assert again.feed.entries == expected
        assert feeds.reads == reads

    asyncio.run(run())


def test_a_reader_who_finds_another_reading_keeps_nothing() -> None:
    async def run() -> None:
        feeds = SlowFeeds()
        cache = await cache_of(feeds)
        readings = [asyncio.create_task(sources_in(cache)) for _ in range(2)]
        await asyncio.sleep(0)
        await push(cache, feeds)
        feeds.may_answer.set()
        first, _ = await asyncio.gather(*readings)

        assert first.feed is not None
        assert first.feed.entries == (NEW, OLD)
        assert (await sources_in(cache)).feed == first.feed
        assert feeds.reads == 2

    asyncio.run(run())


async def cache_of(feeds: SlowFeeds) -> FeedCache:
    await feeds.create(USER, floor=0, now_ms=0)
    await feeds.push([FanOut(OLD, [USER])])
    follows = memory_stores(ManualClock(), max_entries=5).follows
    return FeedCache(follows=follows, feeds=feeds, telemetry=Metrics(), max_entries=5)


async def sources_in(cache: FeedCache) -> FeedSources:
    return cache.cached(USER) or await cache.filled(USER)

"""Caches are bounded in bytes: what they hold does not grow with how large posts or lists are."""

import asyncio
import gc
import tracemalloc
from pathlib import Path

import pytest

from server.errors import InvalidFieldError
from server.gateway.shapes import PostShapes
from server.gateway.site import Site
from server.services import feed_cache, feed_reader, follow_service, post_cache
from server.services.caches import LeasedCache
from tests.unit.server.small_world import ALL, small_world

MIB = 2**20


def test_a_cache_holds_no_more_than_its_budget() -> None:
    cache: LeasedCache[int, bytes] = LeasedCache(capacity=100, size_of=len, budget_bytes=10)

    for key, size in enumerate([4, 4, 4, 1, 11]):
        cache.put(key, bytes(size))

    assert [cache.get(key) is not None for key in range(5)] == [False] * 5
    for key in range(3):
        cache.put(key, bytes(4))
    cache.put(2, bytes(6))
    assert [cache.get(key) is not None for key in range(3)] == [False, True, True]
    cache.drop([2])
    cache.put(3, bytes(6))
    assert [cache.get(key) is not None for key in (1, 3)] == [True, True]


@pytest.mark.parametrize("character", ["\U0001f600", "é", "\x01", "a", "語"])
def test_large_posts_that_are_read_take_no_more_memory_than_the_budget(
    character: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_cache, "BUDGET_BYTES", 2 * MIB)
    monkeypatch.setattr(feed_reader, "PAGES_BYTES", 2 * MIB)

    async def test() -> None:
        async with small_world(tmp_path) as world:
            reader, author = [await world.user(name) for name in ("r", "a")]
            await world.follow(reader, author)
            for _ in range(50):
                await world.post(author, character * 100_000)
            gc.collect()
            tracemalloc.start()
            try:
                page = await world.boxes.feed_reader.read(reader, ALL)
                assert (
                    sum(map(len, PostShapes(Site()).feed_items(page.items, {}))) > 5 * MIB - 300_000
                )
                del page
                # The connection's thread remembers what it has read last.
                await world.boxes.accounts.user(reader)
                gc.collect()
                held, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert held < 3 * MIB

    asyncio.run(test())


def test_feeds_of_those_who_follow_many_leave_the_cache_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_cache, "BUDGET_BYTES", 20_000)

    async def test() -> None:
        async with small_world(tmp_path, max_entries=4) as world:
            users = [await world.user(f"user {number}") for number in range(40)]
            for reader in users[:10]:
                for followee in users[10:]:
                    await world.follow(reader, followee)
            for _ in range(2):
                for reader in users[:10]:
                    await world.feed(reader)

            assert 1 <= world.boxes.feed_cache.held <= 20_000 // (30 * 100)

    asyncio.run(test())


def test_nobody_follows_more_users_than_one_may_by_following_them_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_service, "MOST_FOLLOWEES", 2)

    async def test() -> None:
        async with small_world(tmp_path) as world:
            reader, *others = [await world.user(name) for name in "abcde"]

            follows = [world.follow(reader, other) for other in others]
            outcomes = await asyncio.gather(*follows, return_exceptions=True)

            refused = [isinstance(each, InvalidFieldError) for each in outcomes]
            assert refused == [False, False, True, True]
            assert (await world.boxes.accounts.user(reader)).followees == 2
            assert len(await world.boxes.stores.follows.followees(reader)) == 2

    asyncio.run(test())


def test_nobody_follows_more_users_than_one_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_service, "MOST_FOLLOWEES", 2)

    async def test() -> None:
        async with small_world(tmp_path) as world:
            reader, *others = [await world.user(name) for name in "abcd"]
            for followee in others[:2]:
                await world.follow(reader, followee)

            with pytest.raises(InvalidFieldError):
                await world.follow(reader, others[2])
            # Whom one follows already is no one more.
            await world.follow(reader, others[0])

    asyncio.run(test())

"""A feed never claims to have what was not put into it, and who has a feed is pushed to."""

import asyncio
import sqlite3
from pathlib import Path

from server.adapters.sqlite.transactions import Transaction
from server.model.feeds import FanOut
from server.model.records import FeedEntry
from tests.unit.server.small_world import small_world


def test_a_follow_and_an_unfollow_leave_no_post_missing(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path, max_entries=4) as world:
            reader, left, followed = [await world.user(name) for name in ("u", "a", "b")]
            await world.post(followed, "b's")
            await world.follow(reader, left)
            await world.boxes.drain()
            await world.boxes.feed_generator.rebuild(reader)
            for number in range(5):
                await world.post(left, f"a's {number}")
            await world.boxes.drain()
            await world.follow(reader, followed)
            await world.boxes.drain()
            await world.boxes.follow_service.unfollow(reader, left)
            await world.boxes.drain()
            world.boxes.feed_cache.clear()

            assert await world.feed(reader) == ["b's"]

    asyncio.run(test())


def test_a_commit_that_fails_leaves_everybody_their_feed(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            reader, author = [await world.user(name) for name in ("u", "a")]
            await world.follow(reader, author)
            await world.boxes.drain()
            await world.boxes.feed_generator.rebuild(reader)
        # After a start, when nothing is known of who has a feed.
        async with small_world(tmp_path) as world:
            feeds, database = world.boxes.stores.feeds, world.databases.feeds
            pushed = [FanOut(FeedEntry(1, author), [reader])]

            # All in one commit, since the writer is busy with the first.
            await asyncio.gather(
                database.write("test", lambda _: None),
                feeds.drop(read_before_ms=world.clock.ms + 1),
                feeds.push(pushed),
                database.write("test", fail),
                return_exceptions=True,
            )
            assert await feeds.get(reader) is not None
            await world.post(author, "kept")
            await world.boxes.drain()
            world.boxes.feed_cache.clear()

            assert await world.feed(reader) == ["kept"]

    asyncio.run(test())


def fail(_transaction: Transaction) -> None:
    message = "database or disk is full"
    raise sqlite3.OperationalError(message)

"""Reading a feed keeps it, and needs no write to succeed."""

import asyncio
from pathlib import Path

import pytest

from server.errors import StorageError
from tests.unit.server.small_world import SmallWorld, small_world

MINUTE_MS = 60_000


async def reader_of_a_post(world: SmallWorld) -> int:
    reader, author = [await world.user(name) for name in ("r", "a")]
    await world.follow(reader, author)
    await world.post(author, "hello")
    await world.boxes.drain()
    await world.boxes.feed_generator.rebuild(reader)
    return reader


async def full(*_: object, **__: object) -> None:
    raise StorageError(reason="database or disk is full")


def test_a_feed_is_read_while_its_reading_cannot_be_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            reader = await reader_of_a_post(world)
            world.clock.ms += 8 * 86_400_000
            with monkeypatch.context() as patch:
                patch.setattr(world.boxes.stores.feeds, "touch", full)

                assert await world.feed(reader) == ["hello"]
                await asyncio.sleep(0)

            # It is noted at the next read: the feed is not one of a user who is away.
            assert await world.feed(reader) == ["hello"]
            await asyncio.sleep(0.05)
            await world.boxes.feed_generator.drop_feeds_of_the_away()
            assert await world.boxes.stores.feeds.get(reader) is not None

    asyncio.run(test())


def test_a_feed_that_is_read_every_minute_is_kept_however_short_away_is(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path, away_s=600) as world:
            reader = await reader_of_a_post(world)
            for _ in range(30):
                world.clock.ms += MINUTE_MS
                await world.feed(reader)
                await asyncio.sleep(0.01)
                await world.boxes.feed_generator.drop_feeds_of_the_away()

                assert await world.boxes.stores.feeds.get(reader) is not None

    asyncio.run(test())

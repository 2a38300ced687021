"""Posts of authors with very many followers go a way of their own, and arrive all the same."""

import asyncio
from pathlib import Path

import pytest

from server.adapters.sqlite.transactions import Transaction
from server.errors import StorageError
from server.model.events import Queue
from server.services.feed_generator import WIDE
from tests.unit.server.small_world import SmallWorld, small_world


async def full(*_: object) -> None:
    """Take no push."""
    raise StorageError(reason="database or disk is full")


async def add_followers(world: SmallWorld, author_id: int, count: int) -> list[int]:
    """Give an author many followers at once; returns them."""
    follower_ids = [(number + 1) * 1024 for number in range(count)]

    def work(transaction: Transaction) -> None:
        transaction.connection.executemany(
            "INSERT INTO users (user_id, name, followees) VALUES (?, ?, 1)",
            ((user_id, f"follower {user_id}") for user_id in follower_ids),
        )
        transaction.connection.executemany(
            "INSERT INTO follows VALUES (?, ?, ?, 1)",
            ((user_id, author_id, user_id) for user_id in follower_ids),
        )
        transaction.connection.execute(
            "UPDATE users SET followers = ? WHERE user_id = ?", (count, author_id)
        )

    await world.databases.main.write("test", work)
    return follower_ids


async def waiting(world: SmallWorld, queue: Queue) -> int:
    return (await world.boxes.stores.messages.backlog(queue)).events


def test_a_post_for_very_many_followers_is_in_their_feeds_after_those_of_others(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            author, other = [await world.user(name) for name in ("wide", "narrow")]
            follower_ids = await add_followers(world, author, WIDE + 1)
            first, last = follower_ids[0], follower_ids[-1]
            for reader in (first, last):
                await world.follow(reader, other)
                await world.boxes.feed_generator.rebuild(reader)
            await world.boxes.drain()
            await world.post(author, "to many")
            await world.post(other, "to few")

            await world.boxes.consumers[0].step()
            feeds = world.boxes.stores.feeds
            assert [len(await feeds.get(reader) or ()) for reader in (first, last)] == [1, 1]
            assert await waiting(world, Queue.WIDE_FAN_OUT) == 1
            await world.boxes.drain()

            for reader in (first, last):
                feed = await feeds.get(reader)
                assert feed
                assert len(feed) == 2
                assert await world.feed(reader) == ["to few", "to many"]

    asyncio.run(test())


def test_a_wide_post_waits_once_while_feeds_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            author, other, reader = [await world.user(name) for name in ("w", "n", "r")]
            await add_followers(world, author, WIDE + 1)
            await world.follow(reader, other)
            await world.boxes.feed_generator.rebuild(reader)
            await world.boxes.drain()
            await world.post(author, "to many")
            await world.post(other, "to few")

            with monkeypatch.context() as patch:
                patch.setattr(world.boxes.stores.feeds, "push", full)
                for _ in range(3):
                    with pytest.raises(StorageError):
                        await world.boxes.consumers[0].step()
            assert await waiting(world, Queue.WIDE_FAN_OUT) <= 1
            await world.boxes.drain()

            assert await waiting(world, Queue.WIDE_FAN_OUT) == 0
            assert await world.feed(reader) == ["to few"]

    asyncio.run(test())

"""Many posts of authors with many followers: fanned out chunk by chunk, and complete."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from server.adapters.sqlite import follows
from server.adapters.sqlite.transactions import Transaction
from server.errors import StorageError
from server.model.events import Queue
from server.model.feeds import FanOut
from server.services import feed_generator
from tests.unit.server.small_world import SmallWorld, small_world

AUTHORS, FOLLOWERS, POSTS = 3, 4, 2
AT_ONCE = 8


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have two authors' followers in a turn, and twice as many in a write."""
    monkeypatch.setattr(feed_generator, "WRITTEN_AT_ONCE", 2 * AT_ONCE)
    monkeypatch.setattr(feed_generator, "CACHED_AT_ONCE", AT_ONCE)
    monkeypatch.setattr(follows, "FOLLOWERS_AT_ONCE", AT_ONCE)


async def posted(world: SmallWorld) -> list[int]:
    """Have authors post whom the same people follow; returns those people."""
    authors = [await world.user(f"author {number}") for number in range(AUTHORS)]
    readers = [await world.user(f"reader {number}") for number in range(FOLLOWERS)]
    for reader in readers:
        for author in authors:
            await world.follow(reader, author)
        await world.boxes.feed_generator.rebuild(reader)
    await world.boxes.drain()
    for reader in readers:
        assert await world.feed(reader) == []
    for number in range(POSTS):
        for author in authors:
            await world.post(author, f"text {number} of {author}")
    return readers


async def expect_whole(world: SmallWorld, readers: Sequence[int]) -> None:
    """Check that each of these people has every post, on disk and as they read."""
    for reader in readers:
        feed = await world.boxes.stores.feeds.get(reader)
        assert feed
        assert len(feed) == AUTHORS * POSTS
        assert len(await world.feed(reader)) == AUTHORS * POSTS


def test_requests_get_their_turn_between_the_chunks_of_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one turn of the event loop, no more than a chunk of entries is added to cached feeds."""
    chunks: list[int] = []

    async def test() -> None:
        async with small_world(tmp_path) as world:
            readers = await posted(world)
            push = world.boxes.feed_cache.push
            turns = 0

            def noting(fan_outs: Sequence[FanOut]) -> None:
                chunks.append(sum(len(fan_out.follower_ids) for fan_out in fan_outs))
                push(fan_outs)

            async def count_turns() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            monkeypatch.setattr(world.boxes.feed_cache, "push", noting)
            counting = asyncio.create_task(count_turns())
            await world.boxes.consumers[0].step()
            counting.cancel()

            assert turns > len(chunks)
            await expect_whole(world, readers)

    asyncio.run(test())
    assert chunks == [AT_ONCE] * (AUTHORS * FOLLOWERS * POSTS // AT_ONCE)


def test_a_batch_waits_until_the_last_chunk_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            readers = await posted(world)
            push = world.boxes.stores.feeds.push
            pushed = 0

            async def full_after_one(fan_outs: Sequence[FanOut]) -> None:
                nonlocal pushed
                pushed += 1
                if pushed > 1:
                    raise StorageError(reason="database or disk is full")
                await push(fan_outs)

            with monkeypatch.context() as patch:
                patch.setattr(world.boxes.stores.feeds, "push", full_after_one)
                with pytest.raises(StorageError):
                    await world.boxes.consumers[0].step()
            backlog = await world.boxes.stores.messages.backlog(Queue.FEED_GENERATOR)
            assert backlog.events == AUTHORS * POSTS
            await world.boxes.drain()

            await expect_whole(world, readers)

    asyncio.run(test())


def test_audiences_are_read_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    async def test() -> None:
        async with small_world(tmp_path) as world:
            sizes = {1024: 3, 2048: AT_ONCE + 1, 3072: 5, 4096: 0, 5120: 6}
            await world.databases.main.write("test", lambda it: add_followers(it, sizes))
            asked = [*sizes, 6144]
            read = world.databases.main.read

            async def noting(box: str, work: Callable[[sqlite3.Connection], object]) -> object:
                reads.append(box)
                return await read(box, work)

            monkeypatch.setattr(world.databases.main, "read", noting)

            found = await world.boxes.stores.follows.audiences(asked, most=AT_ONCE)

            assert {user_id: size for user_id, (size, _) in found.items()} == {**sizes, 6144: 0}
            assert [len(found[user_id].follower_ids) for user_id in asked] == [3, 0, 5, 0, 6, 0]
            monkeypatch.undo()

    asyncio.run(test())
    assert len(reads) == 2


def add_followers(transaction: Transaction, sizes: dict[int, int]) -> None:
    for user_id, size in sizes.items():
        transaction.connection.execute(
            "INSERT INTO users (user_id, name, followers) VALUES (?, ?, ?)",
            (user_id, f"author {user_id}", size),
        )
        transaction.connection.executemany(
            "INSERT INTO follows VALUES (?, ?, ?, 1)",
            ((reader, user_id, user_id + reader) for reader in range(1, size + 1)),
        )

"""Counts are those of the edges, also while they are reconciled."""

import asyncio
from pathlib import Path

import pytest

from server.adapters.sqlite import posts
from server.model.records import Counts, Like
from tests.unit.server.small_world import SmallWorld, small_world


async def counts(world: SmallWorld, post_id: int) -> Counts:
    return (await world.boxes.stores.counters.get_many([post_id]))[post_id]


def test_a_like_in_the_commit_of_a_reconciliation_counts_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            author, first, second = [await world.user(name) for name in ("a", "b", "c")]
            post_id = await world.post(author)
            await world.boxes.like_service.like(first, post_id)
            like = Like(world.boxes.surroundings.ids.new(), post_id, second)

            # The writer is busy with the first: the others share a commit.
            await asyncio.gather(
                world.databases.main.write("test", lambda _: None),
                world.boxes.stores.likes.add(like, None),
                world.boxes.likes_cache.reconcile(chunk=500),
            )

            assert await counts(world, post_id) == Counts(likes=2)
            assert (await world.boxes.post_reader.get(post_id)).counts == Counts(likes=2)

    asyncio.run(test())


def test_counts_that_drifted_are_set_right_and_shown(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            author, reader = [await world.user(name) for name in ("a", "b")]
            post_ids = [await world.post(author) for _ in range(3)]
            for post_id in post_ids:
                await world.boxes.like_service.like(reader, post_id)
                await world.boxes.post_reader.get(post_id)
            await world.databases.main.write(
                "test",
                lambda transaction: transaction.connection.execute(
                    "UPDATE post_counts SET likes = 7, comments = 8 WHERE post_id <> ?",
                    (post_ids[1],),
                ),
            )

            await world.boxes.likes_cache.reconcile(chunk=1)

            shown = [(await world.boxes.post_reader.get(post_id)).counts for post_id in post_ids]
            assert shown == [Counts(likes=1)] * 3
            assert [await counts(world, post_id) for post_id in post_ids] == shown

    asyncio.run(test())


def test_counting_keeps_no_writer_waiting(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            author = await world.user("a")
            post_id = await world.post(author)
            await world.boxes.like_service.like(author, post_id)
            written: list[object] = []
            await world.databases.main.write(
                "test",
                lambda transaction: transaction.connection.set_trace_callback(written.append),
            )
            written.clear()

            await world.boxes.likes_cache.reconcile(chunk=500)

            assert written == []

    asyncio.run(test())


def test_counts_are_reconciled_few_edges_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post with very many likes is counted by itself, so that others read in between."""
    monkeypatch.setattr(posts, "EDGES_COUNTED_AT_ONCE", 2)

    async def test() -> None:
        async with small_world(tmp_path) as world:
            ada, bob = [await world.user(name) for name in ("ada", "bob")]
            post_ids = [await world.post(ada) for _ in range(4)]
            for post_id in post_ids:
                for user_id in (ada, bob):
                    await world.boxes.like_service.like(user_id, post_id)
            counters = world.boxes.stores.counters

            first = await counters.reconcile(above=0, limit=100)
            rest = await counters.reconcile(above=first[-1], limit=100)

            assert [*first, *rest] == post_ids
            assert len(first) == len(rest)

    asyncio.run(test())

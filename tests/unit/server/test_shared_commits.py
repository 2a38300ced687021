"""Posts that share a commit: all of them are there, each with its event, whatever fails beside."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from server.adapters.sqlite.transactions import ROWS_AT_ONCE, Transaction
from server.model.events import Event, EventKind, Queue
from server.model.media import Media, MediaState
from server.model.records import Post
from tests.contract.rows import posted
from tests.unit.server.small_world import SmallWorld, small_world

# Several statements, of several lengths.
POSTS = 2 * ROWS_AT_ONCE + 7
WITHIN_S = 20

Test = Callable[[SmallWorld], Awaitable[None]]


def in_a_world(folder: Path, test: Test) -> None:
    async def run() -> None:
        async with small_world(folder) as world, asyncio.timeout(WITHIN_S):
            await test(world)

    asyncio.run(run())


async def together(world: SmallWorld, *writes: Awaitable[object]) -> list[object]:
    """Have writes share a commit: the writer is busy with another while they come."""
    busy = world.databases.main.write("test", lambda _: None)
    _, *results = await asyncio.gather(busy, *writes, return_exceptions=True)
    return results


async def posted_events(world: SmallWorld) -> list[int]:
    """Return the posts that events tell of, in the events' order."""
    messages = world.boxes.stores.messages
    due = await messages.due(Queue.FEED_GENERATOR, now_ms=2**62, limit=10 * POSTS)
    assert {each.event.kind for each in due} == {EventKind.POSTED}
    return [each.event.subject_id for each in due]


@pytest.mark.parametrize("again", [[], [5], [5, 300]])
def test_each_post_and_its_event_are_there_once(tmp_path: Path, again: list[int]) -> None:
    async def test(world: SmallWorld) -> None:
        posts = world.boxes.stores.posts
        await posts.add(Post(300, 9, text="it stands"), Event(EventKind.POSTED, 9, 300))
        fresh = list(range(1, POSTS + 1))

        results = await together(world, *(posts.add(*posted(each)) for each in [*again, *fresh]))

        assert set(results) == {None}
        found = await posts.get_many([*fresh, 300])
        assert [found[each].text for each in fresh] == ["hello"] * POSTS
        assert found[300] == Post(300, 9, text="it stands")
        assert await posted_events(world) == list(dict.fromkeys([300, *again, *fresh]))

    in_a_world(tmp_path, test)


def test_posts_beside_a_job_that_fails_are_there(tmp_path: Path) -> None:
    def fail(_: Transaction) -> None:
        raise ValueError

    async def test(world: SmallWorld) -> None:
        posts = world.boxes.stores.posts
        writes = [posts.add(*posted(each)) for each in (1, 2, 3)]

        first, failed, *others = await together(
            world, writes[0], world.databases.main.write("test", fail), *writes[1:]
        )

        assert isinstance(failed, ValueError)
        assert [first, *others] == [None] * 3
        assert set(await posts.get_many([1, 2, 3])) == {1, 2, 3}
        assert await posted_events(world) == [1, 2, 3]

    in_a_world(tmp_path, test)


def test_media_stays_that_a_post_shows_while_another_is_deleted(tmp_path: Path) -> None:
    async def test(world: SmallWorld) -> None:
        stores = world.boxes.stores
        media = Media(5, "u/7/name.jpg", 7, "image/jpeg", 1_000)
        await stores.media.add(media)
        old, new = [
            (Post(post_id, 7, media_url=media.path), Event(EventKind.POSTED, 7, post_id))
            for post_id in (1, 2)
        ]
        await stores.posts.add(*old)

        results = await together(world, stores.posts.add(*new), stores.posts.delete(1))

        assert results == [None, True]
        kept = await stores.media.get(media.media_id)
        assert kept
        assert kept.state is not MediaState.REMOVED

    in_a_world(tmp_path, test)

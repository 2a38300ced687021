"""Follows that are consumed together leave each feed as if each had been consumed by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from server.model.events import Queue
from tests.unit.server.small_world import SmallWorld, small_world

MAX_ENTRIES = 4

# What a test does in a world with these users.
Story = Callable[[SmallWorld, dict[str, int]], Awaitable[None]]


async def in_one_batch(folder: Path, before: Story, batch: Story) -> dict[str, list[str]]:
    """Return what is in the feeds of u and v after a batch, as the feeds db has them.

    Each of a, b and c has posts; what happens before is consumed one by one.
    """
    async with small_world(folder, max_entries=MAX_ENTRIES) as world:
        users = {name: await world.user(name) for name in "uvabc"}
        for number in (1, 2):
            for author in "abc":
                await world.post(users[author], f"{author}{number}")
        await before(world, users)
        await world.boxes.drain()
        for reader in "uv":
            await world.boxes.feed_generator.rebuild(users[reader])

        await batch(world, users)
        assert await world.boxes.consumers[0].step() > 1
        assert not (await world.boxes.stores.messages.backlog(Queue.FEED_GENERATOR)).events

        return {reader: await complete(world, users[reader]) for reader in "uv"}


async def complete(world: SmallWorld, reader: int) -> list[str]:
    """Return the texts in a feed, of which the reader sees the same and nothing is pulled."""
    stores = world.boxes.stores
    feed = await stores.feeds.get(reader)
    assert feed is not None
    assert all(each.is_settled for each in await stores.follows.followees(reader))
    posts = await stores.posts.get_many(entry.post_id for entry in feed.entries)
    texts = [str(posts[entry.post_id].text) for entry in feed.entries]
    # Caches aside, and below the floor from the authors.
    world.boxes.feed_cache.clear()
    assert (await world.feed(reader))[: len(texts)] == texts
    return texts


async def nothing(_world: SmallWorld, _users: dict[str, int]) -> None:
    pass


def follow(*pairs: str) -> Story:
    """Have each first follow the second; "-ua" has them end it, "a!" has the author post."""

    async def story(world: SmallWorld, users: dict[str, int]) -> None:
        for pair in pairs:
            if pair.endswith("!"):
                await world.post(users[pair[0]], f"{pair[0]} again")
            elif pair.startswith("-"):
                await world.boxes.follow_service.unfollow(users[pair[1]], users[pair[2]])
            else:
                await world.follow(users[pair[0]], users[pair[1]])

    return story


@pytest.mark.parametrize(
    ("before", "batch", "expected"),
    [
        pytest.param(
            nothing,
            follow("ua", "ub"),
            {"u": ["b2", "a2", "b1", "a1"], "v": []},
            id="two by one reader",
        ),
        pytest.param(
            nothing,
            follow("ua", "ub", "uc"),
            {"u": ["c2", "b2", "a2", "c1"], "v": []},
            id="more by one reader than a feed holds",
        ),
        pytest.param(
            nothing,
            follow("ua", "va"),
            {"u": ["a2", "a1"], "v": ["a2", "a1"]},
            id="one author, two readers",
        ),
        pytest.param(
            nothing,
            follow("ua", "-ua", "ua"),
            {"u": ["a2", "a1"], "v": []},
            id="follow, unfollow, follow",
        ),
        pytest.param(
            follow("ua"),
            follow("-ua", "ua", "-ua"),
            {"u": [], "v": []},
            id="unfollow, follow, unfollow",
        ),
        pytest.param(
            follow("ua", "va"),
            follow("-ua", "ub"),
            {"u": ["b2", "b1"], "v": ["a2", "a1"]},
            id="another author instead",
        ),
        pytest.param(
            follow("ua", "va"),
            follow("-ua", "-va", "va"),
            {"u": [], "v": ["a2", "a1"]},
            id="one reader stays gone, one comes back",
        ),
        pytest.param(
            nothing,
            follow("a!", "ua", "a!", "va"),
            {"u": ["a again", "a again", "a2", "a1"], "v": ["a again", "a again", "a2", "a1"]},
            id="posts by the followee around the follow",
        ),
        pytest.param(
            follow("ua"),
            follow("-ua", "a!", "va"),
            {"u": [], "v": ["a again", "a2", "a1"]},
            id="a post behind an unfollow",
        ),
        pytest.param(
            follow("ua", "ub", "uc"),
            follow("-ua", "ua", "va"),
            {"u": ["c2", "b2", "a2", "c1"], "v": ["a2", "a1"]},
            id="readers with different floors",
        ),
    ],
)
def test_a_batch_leaves_feeds_as_the_graph_says(
    before: Story, batch: Story, expected: dict[str, list[str]], tmp_path: Path
) -> None:
    assert asyncio.run(in_one_batch(tmp_path, before, batch)) == expected


def test_a_follow_waits_for_the_rebuild_of_its_feed_and_misses_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            readers = [await world.user(name) for name in "uv"]
            author = await world.user("a")
            await world.post(author, "a1")
            for reader in readers:
                await world.follow(reader, author)

            generator = world.boxes.feed_generator
            await asyncio.gather(
                generator.rebuild(readers[1]), world.boxes.drain(), generator.rebuild(readers[0])
            )

            assert [await complete(world, reader) for reader in readers] == [["a1"], ["a1"]]

    asyncio.run(test())

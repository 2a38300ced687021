"""Follows a second whose posts are put into the followers' feeds, without HTTP."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import uvloop

from server.services.post_writer import PostContent
from tests.unit.server.small_world import SmallWorld, small_world

USERS = 500
FOLLOWEES = 20
POSTS = 50
POSTS_SINCE = 4
FOLLOWS = 2_000
AT_ONCE = 250

# Who follows, and who is followed.
Pair = tuple[int, int]


@pytest.mark.timeout(600)
def test_follows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        wall_s, cpu_s = runner.run(consumed(tmp_path))

    with capsys.disabled():
        print(
            f"\n{FOLLOWS / wall_s:,.0f} follows/s put into feeds of {FOLLOWEES * POSTS}"
            f" posts, trimmed to 800: {cpu_s / FOLLOWS * 1e6:.0f} µs of CPU each"
        )


async def consumed(folder: Path) -> tuple[float, float]:
    """Return how long the events of all follows took, and the CPU of it."""
    rng = np.random.default_rng(1)
    async with small_world(folder) as world:
        users = [await world.user(f"user {number}") for number in range(USERS)]
        await post(world, users * POSTS)
        pairs = list(strangers(users, rng, follows=USERS * FOLLOWEES + FOLLOWS))
        before, since = pairs[:-FOLLOWS], pairs[-FOLLOWS:]
        await follow(world, before)
        await world.boxes.drain()
        for user in users:
            await world.boxes.feed_generator.rebuild(user)
        # So that what was pushed lately is not yet in the feeds' rows, as usual.
        await post(world, users * POSTS_SINCE)
        await world.boxes.drain()

        await follow(world, since)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        await world.boxes.drain()
        took = time.perf_counter() - wall_s, time.process_time() - cpu_s
        await expect_settled(world, since)
        return took


def strangers(users: Sequence[int], rng: np.random.Generator, *, follows: int) -> Iterator[Pair]:
    """Yield so many pairs of users, each pair once."""
    known: set[Pair] = set()
    while len(known) < follows:
        follower, followee = rng.choice(users, 2, replace=False).tolist()
        if (follower, followee) not in known:
            known.add((follower, followee))
            yield follower, followee


async def post(world: SmallWorld, authors: Sequence[int]) -> None:
    ids, writer = world.boxes.surroundings.ids, world.boxes.post_writer
    world.clock.ms += 1
    for start in range(0, len(authors), AT_ONCE):
        await asyncio.gather(
            *(
                writer.create(author, PostContent(text="text"), fresh_id=ids.new())
                for author in authors[start : start + AT_ONCE]
            )
        )


async def follow(world: SmallWorld, pairs: Sequence[Pair]) -> None:
    for start in range(0, len(pairs), AT_ONCE):
        await asyncio.gather(*(world.follow(*pair) for pair in pairs[start : start + AT_ONCE]))


async def expect_settled(world: SmallWorld, pairs: Sequence[Pair]) -> None:
    """Check that the feeds of the first of them have their followees' newest posts."""
    for follower, followee in pairs[:50]:
        feed = await world.boxes.stores.feeds.get(follower)
        assert feed
        assert sum(entry.author_id == followee for entry in feed.entries) >= POSTS_SINCE
        followees = await world.boxes.stores.follows.followees(follower)
        assert all(each.is_settled for each in followees)

"""Posts of somebody just followed: there at the next read, and once seen, seen for good."""

import asyncio
from pathlib import Path

from server.model.feeds import Backfill
from server.model.records import Pair
from tests.unit.server.small_world import small_world


def test_a_post_after_the_follow_is_not_seen_before_it_is_pushed(tmp_path: Path) -> None:
    async def run() -> list[list[str | None]]:
        async with small_world(tmp_path) as world:
            author, reader = await world.user("author"), await world.user("reader")
            older = await world.post(author, "before")
            await world.boxes.drain()
            await world.boxes.feed_generator.rebuild(reader)

            await world.follow(reader, author)
            seen = [await world.feed(reader)]
            await world.post(author, "after")
            seen.append(await world.feed(reader))
            # A backfill that has read the author's posts before the last one ends here.
            pair, stores = Pair(reader, author), world.boxes.stores
            await stores.feeds.backfill([Backfill(pair, [older])])
            await stores.follows.settle([pair])
            world.boxes.feed_cache.settle([pair])
            seen.append(await world.feed(reader))
            await world.boxes.drain()
            seen.append(await world.feed(reader))
            return seen

    assert asyncio.run(run()) == [["before"], ["before"], ["before"], ["after", "before"]]

"""What is pulled until it is pushed: once seen, a post is seen for good."""

import asyncio
import threading
from pathlib import Path

from server.model.feeds import Backfill
from server.model.records import Pair
from tests.unit.server.small_world import small_world
from tests.unit.server.until import until

WITHIN_S = 5


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


def test_who_read_without_a_feed_reads_the_new_one_from_its_beginning(tmp_path: Path) -> None:
    """Else posts would be seen that are not pushed yet, and gone once the feed is complete."""

    async def run() -> bool:
        async with small_world(tmp_path) as world:
            reader, cache = await world.user("reader"), world.boxes.feed_cache
            assert (await cache.filled(reader)).feed is None
            let_go = threading.Event()
            # The rebuild makes an empty feed, and waits for the reader of the posts db.
            busy = asyncio.create_task(
                world.databases.main.read("test", lambda _: let_go.wait(WITHIN_S))
            )
            rebuild = asyncio.create_task(world.boxes.feed_generator.rebuild(reader))
            await until(lambda: cache.at_hand(reader) is None)
            is_complete = rebuild.done()
            let_go.set()
            await asyncio.gather(busy, rebuild)
            return is_complete

    assert not asyncio.run(run())

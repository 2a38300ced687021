"""Pages of a feed while others write, follow and unfollow: disjoint, full, and nothing missing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

import pytest

from scenarios.fanout import Fanout
from server.model.events import Queue
from server.model.ids import LARGEST_ID
from server.model.pages import PageRequest
from tests.unit.server.small_world import SmallWorld, small_world

MAX_ENTRIES = 12
STEADY = 3
# Posts in all feeds when it has been seen enough.
SETTLED = 10 * MAX_ENTRIES


class Crowd:
    """Authors whom the reader follows throughout, and one whom they follow now and then.

    Attributes:
        confirmed: posts of the steady authors that were confirmed.
        settled: those of them that are in all feeds.
    """

    def __init__(self, world: SmallWorld, reader: int, steady: list[int], fickle: int) -> None:
        self.world = world
        self.reader = reader
        self.steady = steady
        self.fickle = fickle
        self.confirmed: set[int] = set()
        self.settled: set[int] = set()

    async def write(self) -> None:
        """Post without an end."""
        while True:
            for author in self.steady:
                self.confirmed.add(await self.world.post(author))
            await self.world.post(self.fickle)

    async def change_mind(self) -> None:
        """Follow and unfollow without an end."""
        while True:
            await self.world.follow(self.reader, self.fickle)
            await asyncio.sleep(0.01)
            await self.world.boxes.follow_service.unfollow(self.reader, self.fickle)
            await asyncio.sleep(0.01)

    async def settle(self) -> None:
        """Note again and again which posts have arrived."""
        messages = self.world.boxes.stores.messages
        while True:
            confirmed = set(self.confirmed)
            due = await messages.due(Queue.FEED_GENERATOR, now_ms=LARGEST_ID, limit=1_000)
            waiting = {delivery.event.subject_id for delivery in due}
            self.settled |= confirmed - waiting

    async def read(self, limit: int) -> None:
        """Read the feed to its end, and check it."""
        expected = set(self.settled)
        seen: list[int] = []
        before: int | None = LARGEST_ID
        while before is not None:
            request = PageRequest(before, limit)
            page = await self.world.boxes.feed_reader.read(self.reader, request)
            assert len(page.items) == limit or page.next_before is None
            seen += [shown.post_id for shown in page.items]
            before = page.next_before
        assert seen == sorted(set(seen), reverse=True)
        assert expected <= set(seen)


@asynccontextmanager
async def crowd(world: SmallWorld) -> AsyncIterator[Crowd]:
    reader, fickle, *steady = [await world.user(f"user {n}") for n in range(2 + STEADY)]
    for author in steady:
        await world.follow(reader, author)
    them = Crowd(world, reader, steady, fickle)
    work = (world.boxes.run(), them.write(), them.change_mind(), them.settle())
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        yield them
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("fanout", Fanout)
def test_pages_read_while_others_write_are_disjoint_full_and_complete(
    fanout: Fanout, tmp_path: Path
) -> None:
    async def test() -> None:
        async with (
            small_world(tmp_path, max_entries=MAX_ENTRIES, fanout=fanout) as world,
            crowd(world) as them,
        ):
            limits = cycle(range(1, 8))
            while len(them.settled) < SETTLED:
                await asyncio.gather(them.read(5), them.read(next(limits)))
                await asyncio.sleep(0.005)

    asyncio.run(test())

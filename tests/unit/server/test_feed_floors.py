"""A feed never claims to have what was not put into it."""

import asyncio
from pathlib import Path

from tests.unit.server.small_world import small_world


def test_a_follow_and_an_unfollow_leave_no_post_missing(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path, max_entries=4) as world:
            reader, left, followed = [await world.user(name) for name in ("u", "a", "b")]
            await world.post(followed, "b's")
            await world.follow(reader, left)
            await world.boxes.drain()
            await world.boxes.feed_generator.rebuild(reader)
            for number in range(5):
                await world.post(left, f"a's {number}")
            await world.boxes.drain()
            await world.follow(reader, followed)
            await world.boxes.drain()
            await world.boxes.follow_service.unfollow(reader, left)
            await world.boxes.drain()
            world.boxes.feed_cache.clear()

            assert await world.feed(reader) == ["b's"]

    asyncio.run(test())

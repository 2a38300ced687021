"""What is to come needs no rebuilding: another reaction; and the rules of the feed are a step."""

import asyncio
import sqlite3
from contextlib import closing
from enum import StrEnum
from pathlib import Path

from server.adapters.sqlite.stores import FILE_NAME
from server.model.records import Like
from tests.unit.server.small_world import ALL, small_world


class LaterReaction(StrEnum):
    LIKE = "like"
    LAUGH = "laugh"


def test_another_kind_of_reaction_is_kept_in_the_schema_as_it_is(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            author, reader = [await world.user(name) for name in ("a", "b")]
            post_id = await world.post(author)
            like = Like(world.boxes.surroundings.ids.new(), post_id, reader)
            with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database:
                before = database.execute("SELECT sql FROM sqlite_schema").fetchall()
                await world.boxes.stores.likes.add(later(like), None)
                kept = database.execute("SELECT reaction FROM likes").fetchall()

                assert kept == [("laugh",)]
                assert database.execute("SELECT sql FROM sqlite_schema").fetchall() == before
            assert (await world.boxes.post_reader.get(post_id)).counts.likes == 1

    asyncio.run(test())


def later(like: Like) -> Like:
    """Return a like as a later version of the program would make it."""
    reaction = LaterReaction.LAUGH
    return Like(like.like_id, like.post_id, like.user_id, reaction=reaction)  # type: ignore[arg-type]


def test_a_page_is_what_the_steps_of_the_pipeline_make_of_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            reader, author, left = [await world.user(name) for name in ("r", "a", "b")]
            await world.follow(reader, author)
            await world.follow(reader, left)
            for writer in (author, left):
                await world.post(writer, f"by {writer}")
            await world.boxes.drain()
            await world.boxes.feed_generator.rebuild(reader)
            await world.boxes.follow_service.unfollow(reader, left)

            # Not emptied yet: the rules take out what hydration has brought.
            feed = await world.boxes.stores.feeds.get(reader)
            assert feed
            assert len(feed.post_ids(ALL)) == 2
            assert await world.feed(reader) == [f"by {author}"]

    asyncio.run(test())

"""Two edits of different fields at once are both kept."""

import asyncio
from pathlib import Path

from server.model.records import PostEdit
from tests.unit.server.small_world import small_world


def test_edits_of_different_fields_at_once_are_both_kept(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            author = await world.user("a")
            post_id = await world.post(author, "old")
            edit = world.boxes.post_writer.edit

            await asyncio.gather(
                edit(post_id, PostEdit(text="new"), editor_id=author),
                edit(post_id, PostEdit(hashtags=("new",)), editor_id=author),
            )

            post = (await world.boxes.post_reader.get(post_id)).post
            assert (post.text, post.hashtags) == ("new", ("new",))

    asyncio.run(test())

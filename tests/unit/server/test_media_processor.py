"""The media processor behind its queue: uploads come out with renditions, or with a reason."""

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

import pytest

from server.adapters.renditions.transcoder import ProcessTranscoder
from server.adapters.storage.local import LocalStorage
from server.adapters.storage.presigning import Presigner
from server.errors import RenditionFailedError
from server.model.events import Event, EventKind
from server.model.media import MediaState, media_path
from server.model.records import Post
from server.model.signatures import AccessKey
from server.ports.transcoder import Rendered
from server.services.consumer import ATTEMPTS
from server.services.post_cache import ShownPost
from tests.fakes.clock import ManualClock
from tests.unit.server.media_works import IMAGE, OTHER, OWNER, VIDEO, Works, png
from tests.unit.server.pictures import clip

Result = TypeVar("Result")


def now(work: Coroutine[object, object, Result]) -> Result:
    return asyncio.run(work)


def test_an_upload_gets_its_renditions_beside_it(tmp_path: Path) -> None:
    content = png(tmp_path)

    async def scenario() -> None:
        works = Works(tmp_path)
        await works.upload(IMAGE, content)

        assert await works.consumer.step() == 1

        media = await works.state(IMAGE)
        assert (media.state, media.width, media.height) == (MediaState.READY, 400, 300)
        keys = [each.key for each in media.renditions]
        assert keys == ["r/abc/320.webp", "r/abc/320.jpg", "r/abc/400.webp", "r/abc/400.jpg"]
        for each in media.renditions:
            stored, content_type = works.storage.objects[each.key]
            assert (len(stored), content_type) == (each.size_bytes, each.content_type)
        assert works.told == [media]
        assert await works.consumer.step() == 0
        assert not list(works.scratch.iterdir())

    now(scenario())


def test_a_video_gets_a_playlist_and_a_poster(tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4", size="320x240")
    content = (tmp_path / "a.mp4").read_bytes()

    async def scenario() -> None:
        works = Works(tmp_path)
        await works.upload(VIDEO, content)
        await works.consumer.step()

        media = await works.state(VIDEO)
        assert media.state is MediaState.READY
        assert (media.playlist_key, media.poster_key) == (
            "r/def/master.m3u8",
            "r/def/poster/320.jpg",
        )
        assert {media.playlist_key, media.poster_key} <= set(works.storage.objects)

    now(scenario())


def test_the_posts_that_show_it_are_read_anew(tmp_path: Path) -> None:
    content = png(tmp_path)

    async def scenario() -> None:
        works = Works(tmp_path)
        await works.upload(IMAGE, content)
        post = Post(50, OWNER, media_url=media_path(IMAGE.key))
        await works.stores.posts.add(post, Event(EventKind.POSTED, OWNER, 50))
        lease = works.post_cache.lease()
        counts = (await works.stores.counters.get_many([50]))[50]
        works.post_cache.fill(50, ShownPost(post, counts, "ann"), lease=lease)

        await works.consumer.step()

        assert works.post_cache.get(50) is None

    now(scenario())


def test_a_damaged_file_fails_with_its_reason_and_is_not_tried_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        works = Works(tmp_path)
        await works.upload(IMAGE, b"\x89PNG\r\n\x1a\n and nothing more")

        await works.consumer.step()

        media = await works.state(IMAGE)
        assert media.state is MediaState.FAILED
        assert media.failure is not None
        assert "cannot be read as PNG" in media.failure
        assert await works.dead_letters() == [f"UnrenderableError: no renditions: {media.failure}"]
        assert await works.consumer.step() == 0

    now(scenario())


class Refusing:
    """A transcoder without workers to give, for as many times as it is told."""

    def __init__(self, inner: ProcessTranscoder, *, times: int) -> None:
        self._inner = inner
        self.times = times

    async def render(self, source: Path, content_type: str, into: Path) -> Rendered:
        self.times -= 1
        if self.times >= 0:
            raise RenditionFailedError(reason="no worker could be started")
        return await self._inner.render(source, content_type, into)

    async def close(self) -> None:
        await self._inner.close()


@pytest.mark.parametrize("times", [2, ATTEMPTS])
def test_what_is_not_the_files_fault_is_tried_again_and_then_kept(
    tmp_path: Path, times: int
) -> None:
    content = png(tmp_path)

    async def scenario() -> None:
        works = Works(tmp_path)
        works.processor.transcoder = Refusing(ProcessTranscoder(workers=1), times=times)
        await works.upload(IMAGE, content)
        states = []
        for _ in range(ATTEMPTS):
            states.append((await works.state(IMAGE)).state)
            await works.consumer.step()
            works.clock.ms += 60_000
        # It has not failed for as long as somebody tries.
        assert MediaState.FAILED not in states

        media = await works.state(IMAGE)
        if times < ATTEMPTS:
            assert (media.state, media.failure) == (MediaState.READY, None)
            assert not await works.dead_letters()
        else:
            assert media.failure == "no worker could be started"
            assert len(await works.dead_letters()) == 1
            # Replayed when the cause is gone, it is made after all.
            await works.stores.messages.replay([1])
            await works.consumer.step()
            assert (await works.state(IMAGE)).state is MediaState.READY

    now(scenario())


def test_an_object_whose_file_is_damaged_is_given_up_and_holds_up_nothing(tmp_path: Path) -> None:
    content = png(tmp_path)
    (tmp_path / "png").write_bytes(content)

    async def scenario() -> None:
        presigner = Presigner("", "media", AccessKey("id", "secret"), "us-east-1", ManualClock())
        storage = LocalStorage(tmp_path / "storage", presigner)
        works = Works(tmp_path, storage=storage)
        for media in (IMAGE, OTHER):
            await storage.put_file(media.key, tmp_path / "png", content_type=media.content_type)
            await works.announce(media)
        file = next((tmp_path / "storage").rglob("abc.png*"))
        os.truncate(file, file.stat().st_size - 5)

        await works.consumer.step()

        damaged, sound = await works.state(IMAGE), await works.state(OTHER)
        assert (damaged.state, sound.state) == (MediaState.FAILED, MediaState.READY)
        assert damaged.failure is not None
        assert "no whole object" in damaged.failure
        [letter] = await works.dead_letters()
        assert letter.startswith("DamagedObjectError")
        storage.close()

    now(scenario())


def test_storage_that_is_away_fails_nothing(tmp_path: Path) -> None:
    content = png(tmp_path)

    async def scenario() -> None:
        works = Works(tmp_path)
        await works.upload(IMAGE, content)
        works.storage.fails = True
        consuming = asyncio.create_task(works.consumer.run())
        await asyncio.sleep(0.2)
        assert (await works.state(IMAGE)).state is MediaState.STORED

        works.storage.fails = False
        async with asyncio.timeout(20):
            while (await works.state(IMAGE)).state is not MediaState.READY:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        consuming.cancel()

        assert not await works.dead_letters()

    now(scenario())


def test_a_picture_does_not_wait_for_a_film(tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4", size="1280x720", seconds=12)
    film, picture = (tmp_path / "a.mp4").read_bytes(), png(tmp_path)

    async def scenario() -> None:
        works = Works(tmp_path)
        consuming = asyncio.create_task(works.consumer.run())
        await works.upload(VIDEO, film)
        await asyncio.sleep(0.3)
        await works.upload(IMAGE, picture)
        async with asyncio.timeout(40):
            while not works.told:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        consuming.cancel()
        await works.processor.transcoder.close()

        assert [each.media_id for each in works.told] == [IMAGE.media_id]

    now(scenario())


def test_media_that_is_removed_meanwhile_leaves_nothing_behind(tmp_path: Path) -> None:
    content = png(tmp_path)

    async def scenario() -> None:
        works = Works(tmp_path)
        await works.upload(IMAGE, content)
        consuming = asyncio.create_task(works.consumer.step())
        while not works.scratch.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await works.stores.media.orphans(since_before_ms=works.clock.now_ms() + 1, limit=9)

        await consuming

        assert list(works.storage.objects) == [IMAGE.key]

    now(scenario())

"""Who waits for renditions waits for no more than they must: not for films, nor one busy user."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

import pytest

from server.model.events import EventKind, Queue
from server.model.media import Media, MediaState
from server.services.fair_turns import FairTurns
from tests.unit.server.pictures import clip, two_halves
from tests.unit.server.small_world import SmallWorld, small_world

Result = TypeVar("Result")
MANY = 300


def now(work: Coroutine[object, object, Result]) -> Result:
    return asyncio.run(work)


async def upload(world: SmallWorld, owner_id: int, path: Path, content_type: str) -> Media:
    """Store a file as its owner's upload, which the media processor is then told of."""
    boxes = world.boxes
    world.clock.ms += 1
    size_bytes = len(await asyncio.to_thread(path.read_bytes))
    signed = await boxes.upload_signer.sign(
        owner_id,
        content_type=content_type,
        size_bytes=size_bytes,
        fresh_id=boxes.surroundings.ids.new(),
        site_url="http://127.0.0.1",
    )
    key = signed.media.key
    await boxes.surroundings.storage.put_file(key, path, content_type=content_type)
    await boxes.upload_signer.stored(key)
    return signed.media


async def ready(world: SmallWorld, media: Media) -> bool:
    found = await world.boxes.stores.media.get(media.media_id)
    return found is not None and found.state is MediaState.READY


def test_a_picture_is_ready_within_seconds_behind_hundreds_of_clips(tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4", size="64x48", sound=False)
    two_halves(60, 40).save(tmp_path / "a.png")

    async def scenario() -> None:
        async with small_world(tmp_path / "data") as world:
            busy, other = await world.user("busy"), await world.user("other")
            for _ in range(MANY):
                await upload(world, busy, tmp_path / "a.mp4", "video/mp4")
            running = asyncio.create_task(world.boxes.run())
            await asyncio.sleep(0.3)
            picture = await upload(world, other, tmp_path / "a.png", "image/png")

            async with asyncio.timeout(10):
                while not await ready(world, picture):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

            backlog = await world.boxes.stores.messages.backlog(Queue.VIDEO_RENDITIONS)
            assert backlog.events > MANY / 2
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await world.boxes.surroundings.transcoder.close()

    (tmp_path / "data").mkdir()
    now(scenario())


@pytest.mark.parametrize(
    ("content_type", "queue", "kind"),
    [
        ("image/png", Queue.MEDIA_PROCESSOR, EventKind.UPLOADED),
        ("video/mp4", Queue.VIDEO_RENDITIONS, EventKind.VIDEO_UPLOADED),
    ],
)
def test_pictures_and_videos_have_a_queue_each(
    tmp_path: Path, content_type: str, queue: Queue, kind: EventKind
) -> None:
    clip(tmp_path / "a.mp4", size="64x48", sound=False)
    two_halves(60, 40).save(tmp_path / "a.png")
    path = tmp_path / ("a.png" if content_type == "image/png" else "a.mp4")

    async def scenario() -> None:
        async with small_world(tmp_path / "data") as world:
            media = await upload(world, await world.user("ann"), path, content_type)
            [delivery] = await world.boxes.stores.messages.due(queue, now_ms=2**62, limit=9)
            assert (delivery.event.kind, delivery.event.subject_id) == (kind, media.media_id)

    (tmp_path / "data").mkdir()
    now(scenario())


class Works:
    """Work of owners that ends when it is told to, and who has begun with theirs."""

    def __init__(self, at_once: int) -> None:
        self.turns = FairTurns(at_once)
        self.begun: list[str] = []
        self.most = 0
        self._at_work = 0

    async def work(self, owner: str) -> None:
        async with self.turns.turn(ord(owner)):
            self.begun.append(owner)
            self._at_work += 1
            self.most = max(self.most, self._at_work)
            await asyncio.sleep(0)
            self._at_work -= 1


@pytest.mark.parametrize("at_once", [1, 2])
def test_users_take_turns(at_once: int) -> None:
    async def scenario() -> Works:
        works = Works(at_once)
        await asyncio.gather(*(works.work(owner) for owner in "aaaaaabbc"))
        return works

    works = now(scenario())

    assert works.most == at_once
    assert sorted(works.begun) == list("aaaaaabbc")
    # Once the others have come, each of them is next before the first is again.
    assert {*works.begun[at_once : at_once + 3]} == {"a", "b", "c"}


def test_who_gives_up_takes_no_turn() -> None:
    async def scenario() -> list[str]:
        works = Works(1)
        async with works.turns.turn(0):
            tasks = {owner: asyncio.create_task(works.work(owner)) for owner in "abcd"}
            await asyncio.sleep(0)
            tasks["a"].cancel()
            await asyncio.sleep(0)
        # It is their turn, and they have not noticed yet.
        tasks["b"].cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks.values(), return_exceptions=True)
            await works.work("e")
        return works.begun

    assert now(scenario()) == ["c", "d", "e"]

"""Renditions while the disk is full: nothing is the file's fault, all is made when it is not."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from server.errors import StorageError
from server.model.media import MediaState
from server.services.consumer import ATTEMPTS
from tests.small_disk import fill, mounted
from tests.unit.server.media_works import IMAGE, VIDEO, Works
from tests.unit.server.pictures import clip

DISK_BYTES = 4 * 1024**2
# Beside the source: enough to begin in, and for some of the renditions.
ROOMS = {
    "none": None,
    "the source's": 4_096,
    "the source's and a little": 16_384,
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", size_bytes=DISK_BYTES) as folder:
        yield folder


def picture(folder: Path) -> bytes:
    """Return a picture of noise, whose renditions are as large as they can be."""
    Image.frombytes("RGB", (400, 300), os.urandom(400 * 300 * 3)).save(folder / "a.png")
    return (folder / "a.png").read_bytes()


def film(folder: Path) -> bytes:
    clip(folder / "a.mp4", size="320x240", seconds=4)
    return (folder / "a.mp4").read_bytes()


SOURCES = {"a picture": (IMAGE, picture), "a video": (VIDEO, film)}


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("room", ROOMS)
def test_a_full_scratch_disk_is_waited_for_and_no_fault_of_the_file(
    tmp_path: Path, disk: Path, kind: str, room: str
) -> None:
    media, drawn = SOURCES[kind]
    content = drawn(tmp_path)

    async def test() -> None:
        works = Works(disk)
        await works.upload(media, content)
        beside_bytes = ROOMS[room]
        left_bytes = 0 if beside_bytes is None else len(content) + beside_bytes
        filler = fill(disk, but_bytes=left_bytes)

        for _ in range(ATTEMPTS + 1):
            with pytest.raises(StorageError, match="No space left on device"):
                await works.consumer.step()
            works.clock.ms += 60_000

        assert ((await works.state(media)).state, await works.dead_letters()) == (
            MediaState.STORED,
            [],
        )
        filler.unlink()
        await works.consumer.step()
        assert (await works.state(media)).state is MediaState.READY
        await works.processor.transcoder.close()

    asyncio.run(test())

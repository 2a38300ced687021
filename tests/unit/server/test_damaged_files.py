"""Whatever is done to a file, renditions are made or the reason is told; no worker dies of it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.adapters.renditions.limits import RenderLimits
from server.adapters.renditions.transcoder import ProcessTranscoder
from server.adapters.renditions.worker import UNRENDERABLE
from server.errors import UnrenderableError
from tests.unit.server.damage import Ended, retyped, seeded, worked
from tests.unit.server.pictures import (
    TURNED,
    animation,
    clip,
    noise,
    photo_with_a_place,
    two_halves,
)

LIMITS = RenderLimits(
    pixels=4_000_000, animation_pixels=4_000_000, video_pixels=4_000_000, cpu_s=20, wall_s=30
)
SEEDS = (1,)
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Kind:
    """A kind of file: how one is made, and how many damaged ones are tried for a seed."""

    content_type: str
    make: Callable[[Path], object]
    files: int


def small_noise() -> Image.Image:
    return noise(np.random.default_rng(5), 90, 60)


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    return exif


KINDS = {
    "photo": Kind("image/jpeg", photo_with_a_place, 40),
    "jpeg": Kind("image/jpeg", lambda path: small_noise().save(path, "JPEG", progressive=True), 25),
    "webp": Kind("image/webp", lambda path: small_noise().save(path, "WEBP", exif=turned()), 25),
    "moving webp": Kind("image/webp", lambda path: animation(path, kind="WEBP"), 15),
    "png": Kind("image/png", lambda path: small_noise().save(path, "PNG", exif=turned()), 25),
    "gif": Kind("image/gif", animation, 25),
    # WebP has no more than 16,383 pixels for a side.
    "wide gif": Kind("image/gif", lambda path: animation(path, size=(17_000, 20)), 5),
    "mp4": Kind("video/mp4", lambda path: clip(path.with_suffix(".mp4"), size="64x48"), 8),
}


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    for name, kind in KINDS.items():
        kind.make(folder / name)
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_rendered_or_refused_with_a_reason(
    wholes: dict[str, bytes], tmp_path: Path, name: str, seed: int
) -> None:
    kind = KINDS[name]
    for number, content in enumerate(seeded(seed, wholes[name], files=kind.files)):
        source, into = tmp_path / "damaged", tmp_path / f"made{number}"
        source.write_bytes(content)
        into.mkdir()

        expect_an_answer(worked(source, kind.content_type, into, LIMITS), into)


@pytest.mark.slow
def test_a_photo_whose_exif_says_anything_is_rendered_or_refused_with_a_reason(
    tmp_path: Path,
) -> None:
    exif = turned()
    exif[0x010E], exif[0x011A] = "a description", 72.0
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 28.0, 38.0)})
    exif.get_ifd(0x8769).update({0x829A: 0.02, 0x9003: "2020:01:01 00:00:00"})
    two_halves(40, 30).save(tmp_path / "whole.jpg", exif=exif)

    for number, content in enumerate(retyped((tmp_path / "whole.jpg").read_bytes())):
        source, into = tmp_path / "damaged", tmp_path / f"made{number}"
        source.write_bytes(content)
        into.mkdir()

        expect_an_answer(worked(source, "image/jpeg", into, LIMITS), into)


def expect_an_answer(ended: Ended, into: Path) -> None:
    assert ended.code in {0, UNRENDERABLE}, (into.name, ended)
    told = json.loads(ended.told)
    if ended.code == UNRENDERABLE:
        assert told["reason"], into.name
    else:
        assert all((into / each["name"]).stat().st_size for each in told["files"]), into.name


@pytest.mark.parametrize("name", KINDS)
def test_files_that_are_whole_are_rendered_by_the_same_worker(
    wholes: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    (tmp_path / "whole").write_bytes(wholes[name])
    (tmp_path / "made").mkdir()

    ended = worked(tmp_path / "whole", KINDS[name].content_type, tmp_path / "made", LIMITS)

    assert ended.code == 0, ended
    assert json.loads(ended.told)["files"]


@pytest.mark.slow
def test_the_server_goes_on_with_whole_files_between_damaged_ones(
    wholes: dict[str, bytes], tmp_path: Path
) -> None:
    async def one_after_the_other() -> None:
        transcoder = ProcessTranscoder(workers=2, limits=LIMITS)
        for name, kind in KINDS.items():
            for number, content in enumerate([*seeded(9, wholes[name], files=2), wholes[name]]):
                source, into = tmp_path / "a", tmp_path / f"{name} {number}"
                source.write_bytes(content)
                into.mkdir()
                try:
                    made = await transcoder.render(source, kind.content_type, into)
                except UnrenderableError as error:
                    assert error.reason  # noqa: PT017 - either way is right, a crash is not
                    assert content != wholes[name]
                else:
                    assert made.files
        assert not transcoder.running

    asyncio.run(one_after_the_other())

"""Renditions of real files, each made in a process of its own."""

import asyncio
import subprocess
from collections.abc import Coroutine
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image, ImageCms

from server.adapters.renditions.limits import RenderLimits
from server.adapters.renditions.transcoder import ProcessTranscoder
from server.adapters.renditions.videos import rungs_of
from server.errors import RenditionFailedError, UnrenderableError
from server.model.delivery import JPEG, MP4, PLAYLIST, WEBP
from server.ports.transcoder import Rendered
from tests.unit.server.pictures import (
    BOTTOM,
    SECRET,
    TOP,
    animation,
    clip,
    noise,
    photo_with_a_place,
    png_bomb,
    two_halves,
)

LIMITS = RenderLimits(cpu_s=30, wall_s=40)
Result = TypeVar("Result")


def now(work: Coroutine[object, object, Result]) -> Result:
    return asyncio.run(work)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    return folder


def rendered(
    source: Path, content_type: str, into: Path, *, limits: RenderLimits = LIMITS
) -> Rendered:
    return now(ProcessTranscoder(workers=1, limits=limits).render(source, content_type, into))


def refusal(source: Path, content_type: str, into: Path, limits: RenderLimits = LIMITS) -> str:
    with pytest.raises(UnrenderableError) as refused:
        rendered(source, content_type, into, limits=limits)
    return refused.value.reason


def sizes(made: Rendered, content_type: str) -> list[tuple[int, int]]:
    return [(each.width, each.height) for each in made.files if each.content_type == content_type]


def colours(path: Path) -> tuple[object, object]:
    """The colours of a picture above and below its middle."""
    with Image.open(path) as picture:
        shown = picture.convert("RGB")
    middle = shown.width // 2
    return shown.getpixel((middle, shown.height // 4)), shown.getpixel(
        (middle, shown.height * 3 // 4)
    )


def near(found: object, wanted: tuple[int, ...]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) < 30 for one, other in zip(found, wanted, strict=True))


def test_an_image_is_made_at_the_widths_of_the_design_as_webp_and_jpeg(
    tmp_path: Path, into: Path
) -> None:
    two_halves(1_500, 1_000).save(tmp_path / "a.png")

    made = rendered(tmp_path / "a.png", "image/png", into)

    wanted = [(320, 213), (640, 427), (1_080, 720), (1_500, 1_000)]
    assert sizes(made, WEBP) == sizes(made, JPEG) == wanted
    assert (made.width, made.height) == (1_500, 1_000)
    for each in made.files:
        with Image.open(into / each.name) as picture:
            assert picture.size == (each.width, each.height)
            assert picture.format == each.content_type.removeprefix("image/").upper()
        assert (into / each.name).stat().st_size == each.size_bytes


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (319, 7), (320, 11), (321, 1), (1_081, 3)])
def test_no_rendition_is_larger_than_its_image(
    tmp_path: Path, into: Path, size: tuple[int, int]
) -> None:
    two_halves(*size).save(tmp_path / "a.png")

    made = rendered(tmp_path / "a.png", "image/png", into)

    found = sizes(made, JPEG)
    assert found[-1] == size
    assert found == sorted(set(found))
    assert all(0 < width <= size[0] and 0 < height <= size[1] for width, height in found)


def test_a_photo_is_turned_upright_and_tells_no_more_where_it_was_taken(
    tmp_path: Path, into: Path
) -> None:
    photo_with_a_place(tmp_path / "a.jpg")
    assert SECRET in (tmp_path / "a.jpg").read_bytes()

    made = rendered(tmp_path / "a.jpg", "image/jpeg", into)

    assert (made.width, made.height) == (600, 800)
    for each in made.files:
        content = (into / each.name).read_bytes()
        assert SECRET not in content
        with Image.open(into / each.name) as picture:
            assert picture.width < picture.height
            assert not picture.getexif()
            assert not {"exif", "xmp", "comment", "icc_profile"} & set(picture.info)
            # Red was above as stored; turned clockwise, it is on the right.
            right = picture.convert("RGB").getpixel((picture.width - 5, picture.height // 2))
            assert near(right, TOP)


def test_a_profile_of_colours_is_applied_before_it_goes(tmp_path: Path, into: Path) -> None:
    picture = two_halves(64, 64)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture.save(tmp_path / "a.jpg", icc_profile=lab, quality=95)

    made = rendered(tmp_path / "a.jpg", "image/jpeg", into)

    above, below = colours(into / made.files[-1].name)
    assert near(above, TOP)
    assert near(below, BOTTOM)
    with Image.open(into / made.files[0].name) as webp:
        assert "icc_profile" not in webp.info


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_images_of_every_mode_keep_what_they_show(tmp_path: Path, into: Path, mode: str) -> None:
    kind, content_type = ("jpeg", "image/jpeg") if mode == "CMYK" else ("png", "image/png")
    if mode == "I;16":
        ramp = np.repeat(np.array([[60_000], [4_000]], dtype=np.uint16), 32, axis=0)
        Image.fromarray(np.repeat(ramp, 64, axis=1)).save(tmp_path / "a.png")
        wanted = (234, 234, 234), (15, 15, 15)
    else:
        two_halves(64, 64, mode=mode).save(tmp_path / f"a.{kind}", quality=95)
        with Image.open(tmp_path / f"a.{kind}") as stored:
            shown = stored.convert("RGB")
        wanted = tuple(shown.getpixel((9, height)) for height in (9, 55))  # type: ignore[assignment]

    made = rendered(tmp_path / f"a.{kind}", content_type, into)

    for each in made.files:
        found = colours(into / each.name)
        if mode != "1":  # dots of a dither are smoothed
            assert all(near(one, other) for one, other in zip(found, wanted, strict=True))


def test_what_is_transparent_stays_so_in_webp_and_is_white_in_jpeg(
    tmp_path: Path, into: Path
) -> None:
    Image.new("RGBA", (50, 50), (10, 20, 30, 0)).save(tmp_path / "a.png")

    rendered(tmp_path / "a.png", "image/png", into)

    with Image.open(into / "50.webp") as webp, Image.open(into / "50.jpg") as jpeg:
        assert webp.convert("RGBA").getpixel((25, 25))[3] == 0  # type: ignore[index]
        assert near(jpeg.getpixel((25, 25)), (255, 255, 255))


@pytest.mark.parametrize(("kind", "content_type"), [("GIF", "image/gif"), ("WEBP", "image/webp")])
def test_an_animation_moves_on_as_webp_and_stands_still_as_jpeg(
    tmp_path: Path, into: Path, kind: str, content_type: str
) -> None:
    animation(tmp_path / "a", kind=kind)

    made = rendered(tmp_path / "a", content_type, into)

    assert sizes(made, WEBP) == sizes(made, JPEG) == [(320, 41), (640, 82), (700, 90)]
    for each in made.files:
        with Image.open(into / each.name) as picture:
            assert getattr(picture, "n_frames", 1) == (3 if each.content_type == WEBP else 1)
            if each.content_type == WEBP:
                assert picture.info["loop"] == 0
                picture.seek(1)
                picture.load()
                assert near(picture.convert("RGB").getpixel((9, 9)), (0, 250, 0))
                assert picture.info["duration"] == 200


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path, into: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_bomb())

    reason = refusal(tmp_path / "a.png", "image/png", into)

    assert reason.startswith("more than 50,000,000 pixels")
    assert not list(into.iterdir())


def test_an_animation_of_too_many_pixels_is_refused(tmp_path: Path, into: Path) -> None:
    animation(tmp_path / "a.gif", frames=40)

    reason = refusal(
        tmp_path / "a.gif", "image/gif", into, replace(LIMITS, animation_pixels=1_000_000)
    )

    assert reason == "more than 1,000,000 pixels; found 2,520,000"


def test_an_image_that_takes_more_memory_than_it_may_is_refused(tmp_path: Path, into: Path) -> None:
    Image.new("RGB", (6_000, 6_000)).save(tmp_path / "a.png", compress_level=1)

    reason = refusal(
        tmp_path / "a.png", "image/png", into, replace(LIMITS, memory_bytes=200 * 1024**2)
    )

    assert reason == "it takes more memory than it may"


def test_a_truncated_image_is_refused(tmp_path: Path, into: Path) -> None:
    noise(np.random.default_rng(1), 400, 300).save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])

    reason = refusal(tmp_path / "a.jpg", "image/jpeg", into)

    assert "truncated" in reason
    assert str(tmp_path) not in reason


@pytest.mark.parametrize("content_type", ["image/png", "image/webp", "image/gif", "image/jpeg"])
@pytest.mark.parametrize("content", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n" * 9])
def test_what_is_no_image_is_refused(
    tmp_path: Path, into: Path, content_type: str, content: bytes
) -> None:
    (tmp_path / "a").write_bytes(content)

    assert "cannot be read as" in refusal(tmp_path / "a", content_type, into)


def test_an_image_of_another_type_than_declared_is_refused(tmp_path: Path, into: Path) -> None:
    two_halves(9, 9).save(tmp_path / "a.png")

    assert "cannot be read as JPEG" in refusal(tmp_path / "a.png", "image/jpeg", into)


def played(path: Path) -> bytes:
    """What ffmpeg says of a file that it decodes whole."""
    command = [get_ffmpeg_exe(), "-nostdin", "-threads", "1", "-xerror", "-i", str(path)]
    ended = subprocess.run([*command, "-f", "null", "-"], capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def test_a_video_is_made_at_the_sizes_of_the_design_with_playlists_and_a_poster(
    tmp_path: Path, into: Path
) -> None:
    clip(tmp_path / "a.mp4", size="1280x720", seconds=5)

    made = rendered(tmp_path / "a.mp4", "video/mp4", into)

    assert sizes(made, MP4) == [(426, 240), (852, 480), (1_280, 720)]
    assert (made.width, made.height) == (1_280, 720)
    assert (made.playlist, made.poster) == ("master.m3u8", "poster/640.jpg")
    for each in made.files:
        assert SECRET not in (into / each.name).read_bytes()
        if each.content_type in {MP4, PLAYLIST}:
            told = played(into / each.name)
            assert b"Video: h264" in told
            assert b"Audio: aac" in told
            assert b"Duration: 00:00:05" in told
    with Image.open(into / "poster/640.jpg") as poster:
        assert poster.size == (640, 360)


def test_playlists_tell_players_what_they_choose_by(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4", size="1280x720", seconds=9)
    rendered(tmp_path / "a.mp4", "video/mp4", into)

    master = (into / "master.m3u8").read_text().splitlines()
    media = (into / "480p.m3u8").read_text()

    variants = [line for line in master if line.startswith("#EXT-X-STREAM-INF")]
    rates = [int(line.partition("BANDWIDTH=")[2].partition(",")[0]) for line in variants]
    assert rates == sorted(rates)
    assert "RESOLUTION=852x480" in variants[1]
    assert 'CODECS="avc1.' in variants[1]
    assert "mp4a.40.2" in variants[1]
    # Three fragments of four seconds at most, that cover the file's end to its last byte but one
    # box, the index that older players look for.
    assert media.count("#EXTINF") == 3
    assert media.endswith("#EXT-X-ENDLIST\n")
    sizes_and_places = [
        tuple(map(int, line.partition(":")[2].split("@")))
        for line in media.splitlines()
        if line.startswith("#EXT-X-BYTERANGE")
    ]
    for (size, place), (_, following) in pairwise(sizes_and_places):
        assert place + size == following
    content = (into / "480p.mp4").read_bytes()
    assert all(content[place + 4 : place + 8] == b"moof" for _, place in sizes_and_places)


@pytest.mark.parametrize("suffix", ["mov", "webm"])
def test_other_containers_are_made_the_same(tmp_path: Path, into: Path, suffix: str) -> None:
    clip(tmp_path / f"a.{suffix}", size="320x240")

    made = rendered(
        tmp_path / f"a.{suffix}", {"mov": "video/quicktime", "webm": "video/webm"}[suffix], into
    )

    assert sizes(made, MP4) == [(320, 240)]
    assert b"Video: h264" in played(into / "240p.mp4")


def test_a_video_without_sound_stays_without(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4", sound=False)

    made = rendered(tmp_path / "a.mp4", "video/mp4", into)

    assert sizes(made, MP4) == [(320, 240), (640, 480)]
    assert b"Audio:" not in played(into / "480p.mp4")
    assert "mp4a" not in (into / "master.m3u8").read_text()


@pytest.mark.parametrize(
    ("width", "height", "wanted"),
    [
        (1_920, 1_080, [(426, 240), (852, 480), (1_280, 720)]),
        (1_080, 1_920, [(240, 426), (480, 852), (720, 1_280)]),
        (641, 361, [(426, 240), (638, 360)]),
        (101, 33, [(96, 32)]),
        (1, 1, [(2, 2)]),
    ],
)
def test_the_sizes_of_a_video_are_even_and_not_above_it(
    width: int, height: int, wanted: list[tuple[int, int]]
) -> None:
    assert [(rung.width, rung.height) for rung in rungs_of(width, height)] == wanted


def test_a_video_of_odd_size_is_made(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4", size="101x33")

    made = rendered(tmp_path / "a.mp4", "video/mp4", into)

    assert sizes(made, MP4) == [(96, 32)]
    played(into / "32p.mp4")


@pytest.mark.parametrize("content_type", ["video/mp4", "video/webm", "video/quicktime"])
def test_a_playlist_in_disguise_opens_nothing(
    tmp_path: Path, into: Path, content_type: str
) -> None:
    (tmp_path / "a").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n")

    assert refusal(tmp_path / "a", content_type, into) == "it has no video that can be read"


def test_a_truncated_video_is_refused(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4")
    content = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(content[: len(content) // 2])

    assert "it has no video" in refusal(tmp_path / "a.mp4", "video/mp4", into)


def test_a_video_of_too_large_frames_is_refused(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4", size="640x480")

    reason = refusal(tmp_path / "a.mp4", "video/mp4", into, replace(LIMITS, video_pixels=100_000))

    assert reason == "more than 100,000 pixels in a frame; found 640 × 480"


def test_a_file_that_takes_too_long_is_given_up_with_its_ffmpeg(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4", size="1280x720", seconds=20)

    reason = refusal(tmp_path / "a.mp4", "video/mp4", into, replace(LIMITS, wall_s=1.5))

    assert reason == "it took more than 1.5 s"
    made = str(into).encode()
    assert not [
        process
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and made in _command_of(process)
    ]


def _command_of(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_file_that_takes_too_much_cpu_is_given_up(tmp_path: Path, into: Path) -> None:
    clip(tmp_path / "a.mp4", size="1280x720", seconds=20)

    reason = refusal(tmp_path / "a.mp4", "video/mp4", into, replace(LIMITS, cpu_s=1))

    assert reason == "it takes more CPU time than it may"


def test_the_next_file_is_made_after_one_that_failed(tmp_path: Path, into: Path) -> None:
    (tmp_path / "bad.png").write_bytes(png_bomb())
    two_halves(20, 20).save(tmp_path / "good.png")

    async def one_after_the_other() -> Rendered:
        transcoder = ProcessTranscoder(workers=1, limits=LIMITS)
        with pytest.raises(UnrenderableError):
            await transcoder.render(tmp_path / "bad.png", "image/png", into)
        return await transcoder.render(tmp_path / "good.png", "image/png", into)

    assert sizes(now(one_after_the_other()), JPEG) == [(20, 20)]


def test_a_folder_that_takes_no_file_is_not_the_uploads_fault(tmp_path: Path) -> None:
    two_halves(20, 20).save(tmp_path / "a.png")

    with pytest.raises(RenditionFailedError, match="worker ended"):
        rendered(tmp_path / "a.png", "image/png", Path("/dev/null/no-folder"))


def test_no_more_files_are_rendered_at_once_than_there_are_workers(
    tmp_path: Path, into: Path
) -> None:
    two_halves(20, 20).save(tmp_path / "a.png")
    most = 0

    async def watch(transcoder: ProcessTranscoder) -> None:
        nonlocal most
        while True:
            most = max(most, transcoder.running)
            await asyncio.sleep(0.005)

    async def five() -> None:
        transcoder = ProcessTranscoder(workers=2, limits=LIMITS)
        watching = asyncio.create_task(watch(transcoder))
        for number in range(5):
            (into / str(number)).mkdir()
        async with asyncio.TaskGroup() as tasks:
            for number in range(5):
                tasks.create_task(
                    transcoder.render(tmp_path / "a.png", "image/png", into / str(number))
                )
        watching.cancel()

    now(five())

    assert most == 2

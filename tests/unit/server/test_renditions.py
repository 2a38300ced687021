"""Renditions of real images, and what keeps every rendering within its limits."""

import asyncio
import os
import struct
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from server.adapters.renditions.limits import RenderLimits
from server.adapters.renditions.transcoder import ProcessTranscoder
from server.errors import RenditionFailedError, UnrenderableError
from server.model.delivery import JPEG, WEBP
from server.ports.transcoder import Rendered
from tests.unit.server.pictures import (
    BOTTOM,
    SECRET,
    TOP,
    TURNED,
    animation,
    clip,
    photo_with_a_place,
    png_bomb,
    two_halves,
)
from tests.unit.server.rendering import LIMITS, near, now, refusal, rendered, sizes


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    return folder


def colours(path: Path) -> tuple[object, object]:
    """The colours of a picture above and below its middle."""
    with Image.open(path) as picture:
        shown = picture.convert("RGB")
    middle = shown.width // 2
    return shown.getpixel((middle, shown.height // 4)), shown.getpixel(
        (middle, shown.height * 3 // 4)
    )


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

    assert reason.startswith("more than 64,000,000 pixels")
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


@pytest.mark.parametrize(("kind", "content_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png")])
def test_an_image_that_is_cut_short_is_shown_as_far_as_it_goes(
    tmp_path: Path, into: Path, kind: str, content_type: str
) -> None:
    two_halves(400, 300).save(tmp_path / "a", kind, quality=97)
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content[: -len(content) // 3])

    made = rendered(tmp_path / "a", content_type, into)

    assert (made.width, made.height) == (400, 300)
    assert near(colours(into / "400.jpg")[0], TOP)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(struct.pack("<HHII", 0x010F, 11, 1, 5), id="a maker that is a number"),
        pytest.param(struct.pack("<HHII", 0x0103, 2, 3, 0x414141), id="a number that is text"),
        pytest.param(struct.pack("<HHII", 0x0100, 9, 1, 2**32 - 1), id="a width below zero"),
    ],
)
def test_odd_exif_does_not_keep_a_photo_from_being_turned(
    tmp_path: Path, into: Path, odd: bytes
) -> None:
    turned = struct.pack("<HHIHH", 0x0112, 3, 1, TURNED, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + odd + turned + bytes(4)
    two_halves(60, 40).save(tmp_path / "a.jpg", exif=exif)

    made = rendered(tmp_path / "a.jpg", "image/jpeg", into)

    assert (made.width, made.height) == (40, 60)


def test_an_animation_wider_than_webp_is_made_smaller(tmp_path: Path, into: Path) -> None:
    pictures = [Image.new("RGB", (17_000, 20), colour) for colour in ("red", "blue")]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=80)

    made = rendered(tmp_path / "a.gif", "image/gif", into)

    assert (made.width, made.height) == (16_383, 19)
    with Image.open(into / "16383.webp") as picture:
        assert getattr(picture, "n_frames", 1) == 2


def test_a_photo_of_more_pixels_than_are_decoded_is_read_at_half_its_sides(
    tmp_path: Path, into: Path
) -> None:
    photo_with_a_place(tmp_path / "a.jpg")

    made = rendered(tmp_path / "a.jpg", "image/jpeg", into, limits=replace(LIMITS, pixels=400_000))

    assert (made.width, made.height) == (300, 400)
    with Image.open(into / "300.jpg") as picture:
        assert picture.size == (300, 400)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_photo_of_a_phone_with_108_megapixels_is_made(tmp_path: Path, into: Path) -> None:
    two_halves(12_000, 9_000).save(tmp_path / "a.jpg", quality=70)

    made = rendered(tmp_path / "a.jpg", "image/jpeg", into, limits=RenderLimits())

    assert (made.width, made.height) == (6_000, 4_500)


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


def priorities_of(process: int) -> tuple[int, str]:
    """Return the priority of a process, and of its session where sessions have one."""
    group = Path(f"/proc/{process}/autogroup")
    of_group = group.read_text().split()[-1] if group.exists() else "19"
    return os.getpriority(os.PRIO_PROCESS, process), of_group


def test_rendering_gives_way_to_all_else_from_its_first_import_on(
    tmp_path: Path, into: Path
) -> None:
    two_halves(20, 20).save(tmp_path / "a.png")
    seen = set()

    async def watch(transcoder: ProcessTranscoder) -> None:
        rendering = asyncio.create_task(transcoder.render(tmp_path / "a.png", "image/png", into))
        while not rendering.done():
            for process in transcoder.processes:
                with suppress(OSError):
                    seen.add(priorities_of(process))
            await asyncio.sleep(0.002)
        await rendering

    now(watch(ProcessTranscoder(workers=1, limits=LIMITS)))

    assert seen == {(19, "19")}


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

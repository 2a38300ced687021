"""What is shown before there are renditions, or without any, tells no more than its picture."""

import asyncio
import io
import struct
import subprocess
import zlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image, ImageOps, PngImagePlugin

from server.adapters.memory.stores import memory_stores
from server.adapters.metrics import Metrics
from server.errors import NotFoundError
from server.model.delivery import Client
from server.model.events import Event, EventKind
from server.model.media import MEDIA_TYPES, Media, MediaState
from server.services.cdn import SLICE_BYTES, Cdn, CdnSettings
from tests.fakes.clock import ManualClock
from tests.fakes.object_storage import CountingStorage
from tests.unit.server.pictures import (
    GPS_TAG,
    SECRET,
    TURNED,
    animation,
    clip,
    noise,
    photo_with_a_place,
    two_halves,
)

Result = TypeVar("Result")
Make = Callable[[Path], None]


def now(work: Coroutine[object, object, Result]) -> Result:
    return asyncio.run(work)


async def shown(
    content: bytes, content_type: str, *, state: MediaState = MediaState.STORED
) -> tuple[bytes, CountingStorage]:
    """Return what everybody gets of an upload, and the storage that it comes from."""
    media = Media(
        1, f"u/7/abc.{MEDIA_TYPES[content_type].extension}", 7, content_type, len(content)
    )
    storage = CountingStorage({media.key: (content, content_type)})
    clock = ManualClock()
    stores = memory_stores(clock=clock, max_entries=10)
    cdn = Cdn(
        settings=CdnSettings(),
        storage=storage,
        media=stores.media,
        telemetry=Metrics(),
        monotonic_s=clock.monotonic_s,
    )
    await stores.media.add(media)
    event = Event(EventKind.UPLOADED, 7, media.media_id)
    await stores.media.complete(media.media_id, width=None, height=None, event=event)
    if state is not MediaState.STORED:
        await stores.media.update(replace(media, state=state))
    found = await cdn.find(media.key, Client())
    part = await cdn.part(found, first=0, last=len(content) - 1)
    rest = b"" if part.rest is None else b"".join([piece async for piece in part.rest])
    return part.head + rest, storage


def secretive_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = TURNED
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(GPS_TAG).update({1: "N", 2: (51.0, 28.0, 38.0)})
    return exif


def jpeg_with_more_behind(path: Path) -> None:
    """As phones write them: behind the picture another one, and a film."""
    photo_with_a_place(path)
    path.write_bytes(path.read_bytes() * 2 + b"....ftypmp42" + SECRET)


def progressive_jpeg(path: Path) -> None:
    noise(np.random.default_rng(3), 1_200, 900).save(
        path, "JPEG", progressive=True, quality=97, exif=secretive_exif(), comment=SECRET
    )
    assert path.stat().st_size > SLICE_BYTES


def png(path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", SECRET.decode())
    texts.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    texts.add(b"prVt", SECRET)
    two_halves(300, 200).save(path, "PNG", pnginfo=texts, exif=secretive_exif())
    path.write_bytes(path.read_bytes() + SECRET)


def webp(path: Path) -> None:
    two_halves(300, 200).save(path, "WEBP", exif=secretive_exif(), xmp=b"<x>" + SECRET + b"</x>")


def moving_webp(path: Path) -> None:
    animation(path, kind="WEBP")
    content = path.read_bytes()
    content += b"note" + struct.pack("<I", len(SECRET) + 1) + SECRET + b"\0"
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])


def gif(path: Path) -> None:
    """A film with a comment, and XMP as Adobe's programs put it into one: without blocks."""
    pictures = [Image.new("RGB", (90, 60), colour) for colour in ("red", "lime", "blue")]
    pictures[0].save(path, "GIF", save_all=True, append_images=pictures[1:], loop=0, comment=SECRET)
    content = path.read_bytes()
    xmp = b"<x:xmpmeta>" + SECRET * 9 + b"</x:xmpmeta>"
    magic = bytes([1, *range(255, -1, -1), 0])
    head_bytes = 13 + (3 << (content[10] & 7) + 1)
    more = b"\x21\xff\x0bXMP DataXMP" + xmp + magic
    path.write_bytes(content[:head_bytes] + more + content[head_bytes:] + SECRET)


IMAGES: list[tuple[Make, str]] = [
    (photo_with_a_place, "image/jpeg"),
    (jpeg_with_more_behind, "image/jpeg"),
    (progressive_jpeg, "image/jpeg"),
    (png, "image/png"),
    (webp, "image/webp"),
    (moving_webp, "image/webp"),
    (gif, "image/gif"),
]


def frames(content: bytes) -> list[bytes]:
    """The pixels of a file as they are shown."""
    found = []
    with Image.open(io.BytesIO(content)) as image:
        for number in range(getattr(image, "n_frames", 1) if image.format != "MPO" else 1):
            image.seek(number)
            image.load()
            found.append(ImageOps.exif_transpose(image).convert("RGBA").tobytes())
    return found


@pytest.mark.parametrize("state", [MediaState.STORED, MediaState.FAILED])
@pytest.mark.parametrize(("make", "content_type"), IMAGES)
def test_an_original_image_shows_the_same_and_tells_no_place(
    tmp_path: Path, make: Make, content_type: str, state: MediaState
) -> None:
    make(tmp_path / "a")
    content = (tmp_path / "a").read_bytes()
    assert SECRET in content or GPS_TAG.to_bytes(2, "little") in content

    sent, storage = now(shown(content, content_type, state=state))

    assert SECRET not in sent
    assert SECRET[:20] not in sent
    assert len(sent) == len(content)
    assert frames(sent) == frames(content)
    with Image.open(io.BytesIO(sent)) as image:
        image.load()
        assert set(image.getexif()) <= {0x0112}
        assert not image.getexif().get_ifd(GPS_TAG)
    # What is stored stays as it came: renditions are made of it.
    assert storage.objects[next(iter(storage.objects))][0] == content


def test_a_png_without_its_texts_is_sound(tmp_path: Path) -> None:
    png(tmp_path / "a")

    sent, _ = now(shown((tmp_path / "a").read_bytes(), "image/png"))

    place, kinds = 8, []
    while place < sent.index(b"IEND"):
        (length,) = struct.unpack_from(">I", sent, place)
        chunk = sent[place + 4 : place + 8 + length]
        assert sent[place + 8 + length :][:4] == zlib.crc32(chunk).to_bytes(4, "big")
        kinds.append(chunk[:4])
        place += 12 + length
    assert {b"IHDR", b"IDAT", b"eXIf"} <= set(kinds)
    assert not {b"tEXt", b"iTXt", b"prVt"} & set(kinds)


@pytest.mark.parametrize(("make", "content_type"), IMAGES)
def test_a_file_that_is_cut_short_tells_no_place_either(
    tmp_path: Path, make: Make, content_type: str
) -> None:
    make(tmp_path / "a")
    content = (tmp_path / "a").read_bytes()

    for end in [*range(40, 1_500, 61), len(content) // 2, len(content) - 3]:
        sent, _ = now(shown(content[:end], content_type))
        assert SECRET[:20] not in sent, end
        assert len(sent) == len(content[:end])


def test_an_image_of_nothing_but_pieces_of_metadata_is_blank() -> None:
    piece = b"\xff\xe1\x00\x0c" + b"here I was"
    content = b"\xff\xd8" + piece * 20_000

    sent, _ = now(shown(content, "image/jpeg"))

    assert b"here I was" not in sent


def made_by_ffmpeg(*more: str) -> Make:
    def make(path: Path) -> None:
        clip(path.with_name("clip.mp4"))
        command = [get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(path.with_name("clip.mp4"))]
        if more[0] == "-i":
            command += more[:2]
        tagged = [
            "-metadata",
            f"location={SECRET.decode()}",
            "-metadata",
            f"title={SECRET.decode()}",
        ]
        subprocess.run([*command, *tagged, *more[2 * (more[0] == "-i") :], str(path)], check=True)

    return make


def with_a_track_of_places(path: Path) -> None:
    """As cameras write them: a track of its own tells the way, sample by sample."""
    (path.parent / "way.srt").write_text(
        "".join(
            f"{n}\n00:00:00,{n}00 --> 00:00:00,{n}90\n{SECRET.decode()}\n\n" for n in range(1, 9)
        )
    )
    made_by_ffmpeg(
        *("-i", str(path.parent / "way.srt"), "-map", "0", "-map", "1"),
        *("-c", "copy", "-c:s", "mov_text", "-metadata:s:s:0", f"handler_name={SECRET.decode()}"),
        *("-f", path.suffix.removeprefix(".") or "mp4"),
    )(path)


def with_more_behind(path: Path) -> None:
    made_by_ffmpeg("-c", "copy", "-f", "mp4")(path)
    box = struct.pack(">I4s", 8 + len(SECRET), b"uuid") + SECRET
    path.write_bytes(path.read_bytes() + box + SECRET)


VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libvorbis")
VIDEOS: list[tuple[Make, str]] = [
    (made_by_ffmpeg("-c", "copy", "-f", "mp4"), "video/mp4"),
    (made_by_ffmpeg("-c", "copy", "-f", "mp4", "-movflags", "use_metadata_tags"), "video/mp4"),
    (made_by_ffmpeg("-c", "copy", "-f", "mp4", "-movflags", "+faststart"), "video/mp4"),
    (
        made_by_ffmpeg("-c", "copy", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov"),
        "video/mp4",
    ),
    (made_by_ffmpeg("-c", "copy", "-f", "mov"), "video/quicktime"),
    (with_a_track_of_places, "video/mp4"),
    (with_more_behind, "video/mp4"),
    (made_by_ffmpeg(*VP8, "-f", "webm"), "video/webm"),
    (made_by_ffmpeg(*VP8, "-f", "webm", "-live", "1"), "video/webm"),
]


def played(path: Path, content: bytes) -> bytes:
    """The sums of all frames that ffmpeg decodes."""
    path.write_bytes(content)
    command = [get_ffmpeg_exe(), "-nostdin", "-v", "error", "-threads", "1", "-xerror"]
    ended = subprocess.run(
        [*command, "-i", str(path), "-map", "0:v", "-map", "0:a", "-f", "framemd5", "-"],
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr
    return ended.stdout


@pytest.mark.parametrize("state", [MediaState.STORED, MediaState.FAILED])
@pytest.mark.parametrize(("make", "content_type"), VIDEOS)
def test_an_original_video_plays_the_same_and_tells_no_place(
    tmp_path: Path, make: Make, content_type: str, state: MediaState
) -> None:
    make(tmp_path / "a")
    content = (tmp_path / "a").read_bytes()
    assert SECRET in content

    sent, _ = now(shown(content, content_type, state=state))

    assert SECRET not in sent
    assert SECRET[:12] not in sent
    assert len(sent) == len(content)
    assert played(tmp_path / "sent", sent) == played(tmp_path / "as-it-came", content)


@pytest.mark.parametrize("content_type", ["video/mp4", "video/webm"])
def test_a_video_of_which_nobody_can_tell_is_not_shown_as_it_is(
    tmp_path: Path, content_type: str
) -> None:
    [(make, _)] = [each for each in VIDEOS if each[1] == content_type][:1]
    make(tmp_path / "a")
    content = (tmp_path / "a").read_bytes()

    for end in (30, 200, len(content) // 2):
        if content_type == "video/webm" and end > 1_000:
            assert SECRET not in now(shown(content[:end], content_type))[0]
        else:
            with pytest.raises(NotFoundError):
                now(shown(content[:end], content_type))


def test_damage_anywhere_ends_in_an_answer_soon(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    for make, content_type in (*IMAGES, *VIDEOS):
        make(tmp_path / "a")
        content = (tmp_path / "a").read_bytes()
        for _ in range(15):
            damaged = bytearray(content)
            for place in rng.integers(12, min(len(content), 4_000), 8).tolist():
                damaged[place] ^= int(rng.integers(1, 256))
            try:
                sent, _ = now(shown(bytes(damaged), content_type))
            except NotFoundError:
                continue
            assert len(sent) == len(content)

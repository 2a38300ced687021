"""Videos: H.264 and AAC at 240p, 480p and 720p, each one fragmented MP4 file, with HLS playlists.

The index at the head of each file lets it play by itself, too, from any place.
"""

import errno
import io
import os
import re
import resource
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from server.adapters.renditions.boxes import structure
from server.adapters.renditions.images import render_still
from server.adapters.renditions.limits import RenderLimits
from server.adapters.renditions.playlists import Variant, master_playlist, media_playlist
from server.errors import RenditionError, RenditionFailedError, UnrenderableError
from server.model.delivery import JPEG, MP4, PLAYLIST, SHORT_SIDES
from server.ports.transcoder import UNWRITABLE_DISK, Rendered, RenderedFile

MASTER = "master.m3u8"
POSTERS = "poster/"
FRAGMENT_S = 4
_QUALITY = 23
_AUDIO = "96k"
# A file is opened as what it was declared, so that no playlist or script in disguise opens others.
_DEMUXERS = {"video/mp4": "mov", "video/quicktime": "mov", "video/webm": "matroska"}
_MOVFLAGS = "+frag_keyframe+empty_moov+default_base_moof+global_sidx"
_SQUARE_PIXELS = "scale=iw*sar:ih,setsar=1"
# Of what ffmpeg tells of a file, only this: the rest is the file's own words.
_DIMENSIONS = re.compile(
    rb"^ *Stream #0:\d+[^\n:]*: Video: [^\n]*? (\d{1,6})x(\d{1,6})[, ]", re.MULTILINE
)
_REASON_CHARACTERS = 200
_POSTER_WIDTH = 640
# Sound may go on for so long behind the last picture; beyond that the picture is held.
_LONGEST_TAIL_S = 0.5
# A disk without room for so much is full: ffmpeg writes in pieces of about this size.
_PROBE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Rung:
    """One size of a video, and its name, such as 480p."""

    name: str
    width: int
    height: int


def render_video(source: Path, content_type: str, into: Path, limits: RenderLimits) -> Rendered:
    """Make the renditions of a video: files, playlists and pictures of its first frame.

    Raises:
        UnrenderableError: if it is not of its type, damaged, or larger than the limits.
        OSError: if the disk takes no write.
    """
    reading = _reading(source, content_type, limits)
    _expect_size(reading, limits)
    still = _first_frame(reading)
    rungs = rungs_of(*still.size)
    _encode(reading, rungs, into)
    longer_s = structure(into / f"{rungs[0].name}.mp4").sound_outlasts_s
    if longer_s > _LONGEST_TAIL_S:
        _encode(reading, rungs, into, hold_s=longer_s)
    posters = render_still(still, into, prefix=POSTERS)
    variants = [_variant(rung, into) for rung in rungs]
    (into / MASTER).write_text(master_playlist(variants), encoding="ascii")
    return Rendered(
        width=still.width,
        height=still.height,
        files=(*_files(rungs, into), _file(into, MASTER, PLAYLIST), *posters.files),
        poster=_poster(posters.files),
        playlist=MASTER,
    )


def rungs_of(width: int, height: int) -> tuple[Rung, ...]:
    """Return the sizes to make of a video: none above it, all even, as 4:2:0 wants them."""
    shorter = min(width, height)
    own = max(2, min(shorter, SHORT_SIDES[-1]) // 2 * 2)
    sides = sorted({*(side for side in SHORT_SIDES if side <= shorter), own})
    return tuple(
        Rung(f"{side}p", _even(width * side / shorter), _even(height * side / shorter))
        for side in sides
    )


def _even(length: float) -> int:
    return max(2, int(length) // 2 * 2)


@cache
def _program() -> str:
    path: str = get_ffmpeg_exe()
    return path


def _reading(source: Path, content_type: str, limits: RenderLimits) -> Sequence[str]:
    # Whatever a header says: larger frames are not decoded.
    bounded = ["-threads", "1", "-max_pixels", str(limits.video_pixels)]
    demuxer = ["-protocol_whitelist", "file", "-f", _DEMUXERS[content_type]]
    return [*bounded, *demuxer, "-i", f"file:{source}"]


def _ffmpeg(arguments: Sequence[str]) -> bytes:
    """Run it; what it has written to its output.

    Raises:
        UnrenderableError: with its last words.
        RenditionFailedError: if it says that the disk was full.
    """
    command = [_program(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *arguments]
    ended = _ended(command)
    if ended.returncode:
        _expect_not_ended_for_cpu()
        words = ended.stderr.decode(errors="replace").strip().splitlines()
        last = words[-1] if words else f"ffmpeg ended with {ended.returncode}"
        if any(line.endswith(os.strerror(errno.ENOSPC)) for line in words):
            raise RenditionFailedError(reason=last)
        raise UnrenderableError(
            reason=f"it cannot be read as a video: {last[-_REASON_CHARACTERS:]}"
        )
    return ended.stdout


def _expect_not_ended_for_cpu() -> None:
    """Look at what ffmpeg has used: it minds the signal little, and is killed a second later."""
    most_s, _ = resource.getrlimit(resource.RLIMIT_CPU)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if most_s != resource.RLIM_INFINITY and used.ru_utime + used.ru_stime >= most_s:
        raise UnrenderableError(reason="it takes more CPU time than it may")


def _ended(command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - no shell, and a program of our own
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )


def _expect_size(reading: Sequence[str], limits: RenderLimits) -> None:
    """Look at the size that its header tells, before a frame is decoded."""
    # Without an output ffmpeg tells what it has found, and ends with an error.
    command = [_program(), "-hide_banner", "-nostdin", *reading]
    found = _DIMENSIONS.search(_ended(command).stderr)
    if found is None:
        raise UnrenderableError(reason="it has no video that can be read")
    if int(found[1]) * int(found[2]) > limits.video_pixels:
        raise UnrenderableError(
            reason=f"more than {limits.video_pixels:,} pixels in a frame; found "
            f"{int(found[1])} × {int(found[2])}"
        )


def _first_frame(reading: Sequence[str]) -> Image.Image:
    first = ["-map", "0:v:0", "-frames:v", "1", "-vf", _SQUARE_PIXELS]
    target = ["-threads", "1", "-c:v", "png", "-f", "image2pipe", "pipe:1"]
    picture = _ffmpeg([*reading, *first, *target])
    if not picture:
        raise UnrenderableError(reason="it has no frame")
    with Image.open(io.BytesIO(picture), formats=["PNG"]) as still:
        return still.convert("RGB")


def _encode(
    reading: Sequence[str], rungs: Sequence[Rung], into: Path, *, hold_s: float = 0.0
) -> None:
    """Decode once, encode each size; `hold_s` is how long the last picture is shown on."""
    names = [f"[v{number}]" for number in range(len(rungs))]
    held = f",tpad=stop_mode=clone:stop_duration={hold_s:.3f}" if hold_s else ""
    split = f"[0:v:0]{_SQUARE_PIXELS}{held},split={len(rungs)}" + "".join(
        f"[s{number}]" for number in range(len(rungs))
    )
    scaled = [
        f"[s{number}]scale={rung.width}:{rung.height},setsar=1{name}"
        for number, (rung, name) in enumerate(zip(rungs, names, strict=True))
    ]
    outputs = chain.from_iterable(
        _output(name, into / f"{rung.name}.mp4") for rung, name in zip(rungs, names, strict=True)
    )
    try:
        _ffmpeg([*reading, "-filter_complex", ";".join([split, *scaled]), *outputs])
    except RenditionError:
        _expect_writable(into)
        raise


def _expect_writable(folder: Path) -> None:
    """Look whether the disk is to blame: ffmpeg's last words may be others, or the file's.

    Raises:
        OSError: if it is.
    """
    probe = folder / "probe"
    try:
        probe.write_bytes(bytes(_PROBE_BYTES))
    except OSError as error:
        if error.errno in UNWRITABLE_DISK:
            raise
    finally:
        probe.unlink(missing_ok=True)


def _output(video: str, path: Path) -> Sequence[str]:
    # The pictures that fragments start with are at the same times in all sizes, and nowhere else.
    key_frames = ["-g", "100000", "-sc_threshold", "0"]
    key_frames += ["-force_key_frames", f"expr:gte(t,n_forced*{FRAGMENT_S})"]
    encoded = ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(_QUALITY)]
    encoded += ["-profile:v", "high", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", _AUDIO]
    encoded += ["-ac", "2"]
    bare = ["-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn"]
    target = ["-threads", "1", "-movflags", _MOVFLAGS, "-f", "mp4", f"file:{path}"]
    return ["-map", video, "-map", "0:a:0?", *bare, *encoded, *key_frames, *target]


def _variant(rung: Rung, into: Path) -> Variant:
    """Write a size's playlist."""
    file_name, playlist = f"{rung.name}.mp4", f"{rung.name}.m3u8"
    parts = structure(into / file_name)
    (into / playlist).write_text(media_playlist(file_name, parts), encoding="ascii")
    return Variant(playlist, rung.width, rung.height, parts)


def _files(rungs: Sequence[Rung], into: Path) -> Iterator[RenderedFile]:
    for rung in rungs:
        yield _file(into, f"{rung.name}.mp4", MP4, width=rung.width, height=rung.height)
        yield _file(into, f"{rung.name}.m3u8", PLAYLIST)


def _file(
    into: Path, name: str, content_type: str, *, width: int = 0, height: int = 0
) -> RenderedFile:
    return RenderedFile(name, content_type, width, height, (into / name).stat().st_size)


def _poster(pictures: Sequence[RenderedFile]) -> str:
    """Return the one to show to anybody: JPEG, and no wider than it needs to be."""
    stills = [each for each in pictures if each.content_type == JPEG]
    return next((each for each in stills if each.width >= _POSTER_WIDTH), stills[-1]).name

"""The structure of a fragmented MP4 file: where its parts lie, for playlists that refer to them.

Source: ISO/IEC 14496-12 (ISO base media file format): boxes in 4.2, `sidx` in 8.16.3; `avcC` in
ISO/IEC 14496-15, 5.3.3.1; codec names in RFC 6381.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from server.errors import RenditionFailedError

_HEADER = struct.Struct(">I4s")
_REFERENCE = struct.Struct(">III")
_WHOLE_SIZE = 1
_TIMESCALE = 16  # where an index tells it
_SIZE_MASK = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a file that plays by itself after the file's head."""

    first_byte: int
    size_bytes: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Structure:
    """A file's parts.

    Attributes:
        head_bytes: size of what comes before everything else: types, and how to decode.
        fragments: in order; they start with pictures that need no others. The last one goes on
            for as long as there are pictures or sound.
        codecs: of its tracks, as players want them named.
        sound_outlasts_s: for how long there is sound behind the last picture.
    """

    head_bytes: int
    fragments: tuple[Fragment, ...]
    codecs: str
    sound_outlasts_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    first_byte: int
    size_bytes: int


def structure(path: Path) -> Structure:
    """Return the parts of a file that starts with `ftyp`, `moov` and an index of its fragments.

    Raises:
        RenditionFailedError: if it does not.
    """
    boxes = list(_boxes(path))
    kinds = [box.kind for box in boxes[:3]]
    if kinds != [b"ftyp", b"moov", b"sidx"]:
        raise RenditionFailedError(reason=f"expected ftyp, moov and sidx; found {kinds}")
    with path.open("rb") as file:
        head = file.read(boxes[2].first_byte)
        # One for each track, the pictures' first.
        indexes = [_read(file, box) for box in boxes[2:4] if box.kind == b"sidx"]
    end = boxes[2].first_byte + boxes[2].size_bytes
    fragments = tuple(_fragments(indexes[0], end))
    outlasts_s = max(0.0, _end_s(indexes[-1]) - _end_s(indexes[0]))
    if fragments:
        last = replace(fragments[-1], duration_s=fragments[-1].duration_s + outlasts_s)
        fragments = (*fragments[:-1], last)
    return Structure(len(head), fragments, ",".join(_codecs(head)), outlasts_s)


def _read(file: BinaryIO, box: _Box) -> bytes:
    file.seek(box.first_byte)
    return file.read(box.size_bytes)


def _boxes(path: Path) -> Iterator[_Box]:
    """Yield the boxes of the file's outermost level."""
    end = path.stat().st_size
    place = 0
    with path.open("rb") as file:
        while place + _HEADER.size <= end:
            file.seek(place)
            size, kind = _HEADER.unpack(file.read(_HEADER.size))
            if size == _WHOLE_SIZE:  # too large for 32 bits: follows in 64
                (size,) = struct.unpack(">Q", file.read(8))
            size = size or end - place
            yield _Box(kind, place, size)
            place += size


def _fragments(index: bytes, end: int) -> Iterator[Fragment]:
    """Yield what an index tells, the fragments as they follow on its end."""
    (timescale,) = struct.unpack_from(">I", index, _TIMESCALE)
    _, skipped, references = _referred(index)
    first_byte = end + skipped
    for size, duration, _ in references:
        yield Fragment(first_byte, size & _SIZE_MASK, duration / timescale)
        first_byte += size & _SIZE_MASK


def _end_s(index: bytes) -> float:
    """Return when the track of an index ends."""
    (timescale,) = struct.unpack_from(">I", index, _TIMESCALE)
    begins, _, references = _referred(index)
    end: int = begins + sum(duration for _, duration, _ in references)
    return end / int(timescale)


def _referred(index: bytes) -> tuple[int, int, Sequence[tuple[int, int, int]]]:
    """Return when an index begins, how many bytes it skips, and its references."""
    times = struct.Struct(">QQ" if index[8] == 1 else ">II")
    begins, skipped = times.unpack_from(index, _TIMESCALE + 4)
    place = _TIMESCALE + 4 + times.size
    (count,) = struct.unpack_from(">H", index, place + 2)
    references = index[place + 4 :][: count * _REFERENCE.size]
    return begins, skipped, list(_REFERENCE.iter_unpack(references))


def _codecs(head: bytes) -> Iterator[str]:
    place = head.find(b"avcC")
    if place >= 0:
        yield f"avc1.{head[place + 5 : place + 8].hex()}"
    if b"mp4a" in head:
        yield "mp4a.40.2"

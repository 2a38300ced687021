"""The structure of a fragmented MP4 file: where its parts lie, for playlists that refer to them.

Source: ISO/IEC 14496-12 (ISO base media file format): boxes in 4.2, `sidx` in 8.16.3; `avcC` in
ISO/IEC 14496-15, 5.3.3.1; codec names in RFC 6381.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from server.errors import RenditionFailedError

_HEADER = struct.Struct(">I4s")
_REFERENCE = struct.Struct(">III")
_WHOLE_SIZE = 1
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
        fragments: in order; they start with pictures that need no others.
        codecs: of its tracks, as players want them named.
    """

    head_bytes: int
    fragments: tuple[Fragment, ...]
    codecs: str


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
        index = file.read(boxes[2].size_bytes)
    end = boxes[2].first_byte + boxes[2].size_bytes
    return Structure(len(head), tuple(_fragments(index, end)), ",".join(_codecs(head)))


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
    is_wide = index[8] == 1
    (timescale,) = struct.unpack_from(">I", index, 16)
    place, offset = (36, 28) if is_wide else (28, 24)
    (skipped,) = struct.unpack_from(">Q" if is_wide else ">I", index, offset)
    (count,) = struct.unpack_from(">H", index, place + 2)
    first_byte = end + skipped
    for size, duration, _ in _REFERENCE.iter_unpack(index[place + 4 :][: count * 12]):
        yield Fragment(first_byte, size & _SIZE_MASK, duration / timescale)
        first_byte += size & _SIZE_MASK


def _codecs(head: bytes) -> Iterator[str]:
    place = head.find(b"avcC")
    if place >= 0:
        yield f"avc1.{head[place + 5 : place + 8].hex()}"
    if b"mp4a" in head:
        yield "mp4a.40.2"

"""What an MP4 or QuickTime file tells beside its pictures and sound: places, names, sensors.

Boxes of metadata become free space. So do the tracks that are neither pictures nor sound, with
their samples, since cameras keep the way that they were carried in them.

Source: ISO/IEC 14496-12, sections 4.2 (boxes), 8.7 (where samples are); QuickTime File Format
Specification (2016), "User Data Atoms" and "Metadata".
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from server.model.metadata.blanks import (
    MOST_BLANKS,
    Blank,
    Search,
    UntellableError,
    Wanted,
    with_rest,
)
from server.model.metadata.samples import sample_blanks

_HEAD = struct.Struct(">I4s")
_HEAD_BYTES, _WIDE_HEAD_BYTES = 8, 16
_TO_THE_END, _WIDE = 0, 1
_FREE = b"free"
# What a film is made of, at the outermost level; everything else there is somebody's own.
_SHOWN = frozenset(b"ftyp styp mdat mfra sidx ssix free skip wide pdin prft".split())
_MOVIES = frozenset({b"moov", b"moof"})
_CONTAINERS = frozenset(b"trak mdia minf stbl edts dinf mvex traf".split())
_METADATA = frozenset(
    b"udta meta uuid ID32 loci titl dscp cprt auth perf gnre albm yrrc rtng clsf kywd".split()
)
_PLAYED = frozenset({b"vide", b"soun"})
# Of hours of film; a minute's takes some 50 kB.
_LARGEST_MOVIE_BYTES = 16_000_000
_MOST_BOXES = 20_000


@dataclass(frozen=True, slots=True)
class Box:
    """A box within a file.

    Attributes:
        kind: its four letters.
        first_byte: of its head, in the file.
        head_bytes: the size of its head.
        end: the first byte behind it, in the file.
    """

    kind: bytes
    first_byte: int
    head_bytes: int
    end: int

    @property
    def content(self) -> int:
        """The first byte behind its head, in the file."""
        return self.first_byte + self.head_bytes

    def free(self) -> Iterator[Blank]:
        """Yield what makes free space of it."""
        yield Blank(self.first_byte + 4, len(_FREE), _FREE)
        if self.content < self.end:
            yield Blank(self.content, self.end - self.content)


def mp4_blanks(size_bytes: int) -> Search:
    """Return what to blank.

    Raises:
        UntellableError: if its movie is missing, or is told in a way that is not known here.
    """
    blanks: list[Blank] = []
    has_movie = False
    place = 0
    for _ in range(_MOST_BOXES):
        box = _box((yield Wanted(place, _WIDE_HEAD_BYTES)), 0, place=place, end=size_bytes)
        if box is None:
            break
        has_movie |= box.kind == b"moov"
        if box.kind in _MOVIES:
            content = yield _wanted(box, size_bytes)
            blanks += _Movie(content, place, size_bytes).blanks(box)
        elif box.kind not in _SHOWN:
            blanks += box.free()
        place = box.end
    if not has_movie or len(blanks) > MOST_BLANKS:
        raise UntellableError
    return with_rest(blanks, place, size_bytes)


def _wanted(movie: Box, file_bytes: int) -> Wanted:
    if movie.end - movie.first_byte > _LARGEST_MOVIE_BYTES or movie.end > file_bytes:
        raise UntellableError
    return Wanted(movie.first_byte, movie.end - movie.first_byte)


def _box(data: bytes, offset: int, *, place: int, end: int) -> Box | None:
    """Return the box whose head is at an offset of data; None if there is none.

    `place` is where that is in the file, `end` where what it lies in ends.
    """
    if offset + _HEAD_BYTES > len(data) or place + _HEAD_BYTES > end:
        return None
    size, kind = _HEAD.unpack_from(data, offset)
    head_bytes = _HEAD_BYTES
    if size == _WIDE:
        if offset + _WIDE_HEAD_BYTES > len(data):
            return None
        (size,) = struct.unpack_from(">Q", data, offset + _HEAD_BYTES)
        head_bytes = _WIDE_HEAD_BYTES
    elif size == _TO_THE_END:
        size = end - place
    return Box(kind, place, head_bytes, place + size) if size >= head_bytes else None


class _Movie:
    """A movie's box, or that of a fragment, with the place of its first byte in the file."""

    def __init__(self, data: bytes, first_byte: int, file_bytes: int) -> None:
        self._data = data
        self._first_byte = first_byte
        self._file_bytes = file_bytes
        self._boxes = 0

    def blanks(self, box: Box) -> Iterator[Blank]:
        """Yield what to blank in it, and in the samples that it tells the places of."""
        kinds = {inner.kind for inner in self._inner(box)}
        if b"cmov" in kinds:  # compressed
            raise UntellableError
        for inner in self._inner(box):
            if inner.kind == b"trak" and self._handler(inner) not in _PLAYED:
                if b"mvex" in kinds:  # its samples are told of in fragments
                    raise UntellableError
                yield from sample_blanks(self._tables(inner), self._file_bytes)
                yield from inner.free()
            else:
                yield from self._box_blanks(inner)

    def _box_blanks(self, box: Box) -> Iterator[Blank]:
        if box.kind in _METADATA or box.kind.startswith(b"\xa9"):
            yield from box.free()
        elif box.kind in _CONTAINERS:
            for inner in self._inner(box):
                yield from self._box_blanks(inner)

    def _inner(self, box: Box) -> Iterator[Box]:
        place = box.content
        while place < box.end:
            self._boxes += 1
            inner = _box(self._data, place - self._first_byte, place=place, end=box.end)
            if inner is None:
                # Some writers end a container with four zeros.
                if any(self._of(place, min(place + 4, box.end))):
                    raise UntellableError
                return
            if inner.end > box.end or self._boxes > _MOST_BOXES:
                raise UntellableError
            yield inner
            place = inner.end

    def _found(self, box: Box, *path: bytes) -> Box | None:
        """Return the first box below another on a path of kinds."""
        for kind in path:
            below = next((inner for inner in self._inner(box) if inner.kind == kind), None)
            if below is None:
                return None
            box = below
        return box

    def _handler(self, track: Box) -> bytes:
        handler = self._found(track, b"mdia", b"hdlr")
        return b"" if handler is None else self._of(handler.content + 8, handler.content + 12)

    def _tables(self, track: Box) -> dict[bytes, bytes]:
        """Return the content of the boxes that tell where a track's samples are."""
        table = self._found(track, b"mdia", b"minf", b"stbl")
        inner = () if table is None else self._inner(table)
        return {each.kind: self._of(each.content, each.end) for each in inner}

    def _of(self, first: int, end: int) -> bytes:
        return self._data[first - self._first_byte : end - self._first_byte]

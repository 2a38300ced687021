"""What a WebM file tells beside its pictures and sound: tags, attachments, chapters, its title.

Source: RFC 8794 (EBML), sections 4 to 6 and 11.3.2 (Void); RFC 9559 (Matroska), section 5.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from server.model.metadata.blanks import (
    MOST_BLANKS,
    Blank,
    Search,
    UntellableError,
    Wanted,
    with_rest,
)

# Of an id, four bytes at most, and a size, eight at most.
_LONGEST_ID, _LONGEST_SIZE, _HEAD_BYTES = 4, 8, 12
_VOID = b"\xec"
# A size of one byte tells at most this; all ones are no size, but say that nobody knows it.
_LARGEST_IN_A_BYTE = 126
_BITS_OF_A_SIZE = 7

_HEADER, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_INFO, _TRACKS, _TRACK = 0x1549A966, 0x1654AE6B, 0xAE
_TRACK_TYPE, _TRACK_NAME = 0x83, 0x536E
_PLAYED = (b"\x01", b"\x02")  # pictures, sound
# SeekHead, Cues, Void, Cluster, and what is in clusters whose size nobody knew when they were
# begun: Timestamp, Position, PrevSize, SimpleBlock, BlockGroup.
_SHOWN = frozenset({0x114D9B74, 0x1C53BB6B, 0xEC, _CLUSTER, 0xE7, 0xA7, 0xAB, 0xA3, 0xA0})
# TimestampScale, Duration, MuxingApp, WritingApp, Void.
_SHOWN_OF_INFO = frozenset({0x2AD7B1, 0x4489, 0x4D80, 0x5741, 0xEC})
_LARGEST_HEAD_BYTES = 1_000_000
_MOST_ELEMENTS = 50_000


@dataclass(frozen=True, slots=True)
class _Element:
    """An element; its places are those in the file, and `end` is None if nobody knows it."""

    number: int
    first_byte: int
    content: int
    end: int | None


def webm_blanks(size_bytes: int) -> Search:
    """Return what to blank.

    Raises:
        UntellableError: if it has other tracks than pictures and sound, or is not to be read.
    """
    segment = yield from _segment()
    place, end = segment.content, min(segment.end or size_bytes, size_bytes)
    blanks: list[Blank] = []
    has_tracks = False
    for _ in range(_MOST_ELEMENTS):
        found = _element((yield Wanted(place, _HEAD_BYTES)), 0, place=place)
        if found is None or place >= end:
            break
        if found.number in {_INFO, _TRACKS}:
            has_tracks |= found.number == _TRACKS
            data = yield _wanted(found)
            blanks += _blanks_of_head(found, data)
        elif found.number not in _SHOWN:
            blanks.append(_void(found.first_byte, min(_end(found), end)))
        # A cluster of unknown size is gone through: what is in it stands beside it here.
        place = found.content if found.number == _CLUSTER and not found.end else _end(found)
    if not has_tracks or len(blanks) > MOST_BLANKS:
        raise UntellableError
    return with_rest(blanks, place, size_bytes)


def _wanted(head: _Element) -> Wanted:
    size_bytes = _end(head) - head.content
    if size_bytes > _LARGEST_HEAD_BYTES:
        raise UntellableError
    return Wanted(head.content, size_bytes)


def _segment() -> Generator[Wanted, bytes, _Element]:
    """Ask for the head of the file, and return its segment, which is all the rest of it."""
    header = _element((yield Wanted(0, _HEAD_BYTES)), 0, place=0)
    if header is None or header.number != _HEADER or header.end is None:
        raise UntellableError
    place = header.end
    segment = _element((yield Wanted(place, _HEAD_BYTES)), 0, place=place)
    if segment is None or segment.number != _SEGMENT:
        raise UntellableError
    return segment


def _element(data: bytes, offset: int, *, place: int) -> _Element | None:
    """Return the element whose head is at an offset of data, and at a place in the file."""
    id_bytes = _length(data, offset, _LONGEST_ID)
    size_bytes = id_bytes and _length(data, offset + id_bytes, _LONGEST_SIZE)
    if not size_bytes or offset + id_bytes + size_bytes > len(data):
        return None
    number = int.from_bytes(data[offset : offset + id_bytes])
    told = int.from_bytes(data[offset + id_bytes : offset + id_bytes + size_bytes])
    unknown = (1 << _BITS_OF_A_SIZE * size_bytes) - 1
    size = told & unknown
    content = place + id_bytes + size_bytes
    return _Element(number, place, content, None if size == unknown else content + size)


def _length(data: bytes, offset: int, most: int) -> int:
    """Return how many bytes a number takes, which its first byte tells; 0 for none."""
    if offset >= len(data):
        return 0
    length = 9 - data[offset].bit_length()
    return length if length <= most else 0


def _blanks_of_head(head: _Element, data: bytes) -> Iterator[Blank]:
    """Yield what to blank of what tells how to play it."""
    for each in _elements(data, 0, len(data), first_byte=head.content):
        if head.number == _TRACKS and each.number == _TRACK:
            yield from _blanks_of_track(each, data, head.content)
        elif head.number == _TRACKS or each.number not in _SHOWN_OF_INFO:
            yield _void(each.first_byte, _end(each))


def _blanks_of_track(track: _Element, data: bytes, first_byte: int) -> Iterator[Blank]:
    start, stop = track.content - first_byte, _end(track) - first_byte
    for each in _elements(data, start, stop, first_byte=first_byte):
        content = data[each.content - first_byte : _end(each) - first_byte]
        if each.number == _TRACK_TYPE and content not in _PLAYED:
            raise UntellableError
        if each.number == _TRACK_NAME:
            yield _void(each.first_byte, _end(each))


def _elements(data: bytes, offset: int, stop: int, *, first_byte: int) -> Iterator[_Element]:
    while offset < stop:
        found = _element(data, offset, place=first_byte + offset)
        if found is None or _end(found) > first_byte + stop:
            raise UntellableError
        yield found
        offset = _end(found) - first_byte


def _end(element: _Element) -> int:
    if element.end is None:
        raise UntellableError
    return element.end


def _void(first: int, end: int) -> Blank:
    """Return what makes an element, its head included, one that is nothing."""
    left = end - first - 2
    if left <= _LARGEST_IN_A_BYTE:
        return Blank(first, end - first, _VOID + bytes([0x80 | max(left, 0)]))
    size = (left - _LONGEST_SIZE + 1) | 1 << _BITS_OF_A_SIZE * _LONGEST_SIZE
    return Blank(first, end - first, _VOID + size.to_bytes(_LONGEST_SIZE))

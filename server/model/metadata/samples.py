"""Where the samples of a track of an MP4 or QuickTime file lie.

Source: ISO/IEC 14496-12, sections 8.7.3 (sample sizes), 8.7.4 (samples of chunks) and 8.7.5
(places of chunks).
"""

import struct
from collections.abc import Callable, Iterator, Mapping

from server.model.metadata.blanks import MOST_BLANKS, Blank, UntellableError

_HEAD_BYTES = 8  # version, flags, and how many entries follow
_NEVER = 2**32


def sample_blanks(tables: Mapping[bytes, bytes], file_bytes: int) -> Iterator[Blank]:
    """Yield the chunks of a track, by the content of the boxes of its sample table.

    Raises:
        UntellableError: if they do not tell it, or tell of places outside of the file.
    """
    try:
        places = _places(tables)
        samples = _samples(tables[b"stsc"])
        size_of = _sizes(tables[b"stsz"])
        if len(places) > MOST_BLANKS:
            raise UntellableError
        first = 0
        for place in places:
            count = next(samples, None)
            if count is None:
                raise UntellableError
            size_bytes = size_of(first, first + count)
            if place + size_bytes > file_bytes:
                raise UntellableError
            if size_bytes:
                yield Blank(place, size_bytes)
            first += count
    except (KeyError, struct.error) as error:
        raise UntellableError from error


def _places(tables: Mapping[bytes, bytes]) -> tuple[int, ...]:
    table, letter = (tables[b"co64"], "Q") if b"co64" in tables else (tables[b"stco"], "I")
    (count,) = struct.unpack_from(">I", table, 4)
    return struct.unpack_from(f">{count}{letter}", table, _HEAD_BYTES)


def _sizes(table: bytes) -> Callable[[int, int], int]:
    """Return what tells the size of the samples from one on, and before another."""
    each, count = struct.unpack_from(">II", table, 4)
    if each:
        return lambda first, end: each * (end - first)
    sizes: tuple[int, ...] = struct.unpack_from(f">{count}I", table, 12)
    return lambda first, end: sum(sizes[first:end])


def _samples(table: bytes) -> Iterator[int]:
    """Yield how many samples each chunk has; the last run goes on for ever."""
    (count,) = struct.unpack_from(">I", table, 4)
    runs = [struct.unpack_from(">III", table, _HEAD_BYTES + 12 * run) for run in range(count)]
    for (first, samples, _), (following, *_) in zip(runs, [*runs[1:], (_NEVER, 0, 0)], strict=True):
        for _ in range(first, following):
            yield samples

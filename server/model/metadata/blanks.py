"""Bytes that are sent as others, and how they are asked for and put in place."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

# More pieces than any honest file has; they are kept in memory for as long as it is shown.
MOST_BLANKS = 4_000


@dataclass(frozen=True, slots=True)
class Blank:
    """Bytes that are sent as `head`, and zeros behind it."""

    first_byte: int
    size_bytes: int
    head: bytes = b""

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.first_byte + self.size_bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """A part of a file that a search has to see; less comes where the file ends."""

    first_byte: int
    size_bytes: int


# Is given the parts that it wants, one after the other; returns what to blank.
Search = Generator[Wanted, bytes, list[Blank]]


class UntellableError(Exception):
    """A file of which nobody can tell where it has what it must not tell."""


def blanked(content: bytes, blanks: Sequence[Blank], *, first_byte: int) -> bytes:
    """Return a part of a file, which starts at `first_byte`, with what is to be blanked in it."""
    end = first_byte + len(content)
    touched = [each for each in blanks if each.first_byte < end and each.end > first_byte]
    if not touched:
        return content
    changed = bytearray(content)
    for each in touched:
        start, stop = max(each.first_byte, first_byte), min(each.end, end)
        head = each.head[start - each.first_byte : stop - each.first_byte]
        changed[start - first_byte : stop - first_byte] = head.ljust(stop - start, b"\0")
    return bytes(changed)


def whole(size_bytes: int) -> Generator[Wanted, bytes, bytes]:
    """Ask for all of a file."""
    return (yield Wanted(0, size_bytes))


def with_rest(blanks: list[Blank], first_byte: int, size_bytes: int) -> list[Blank]:
    """Return blanks, and all of a file of a size that lies behind a byte.

    There it is not read by who shows the file, or has been read as far as anybody can.
    """
    if first_byte < size_bytes:
        blanks.append(Blank(first_byte, size_bytes - first_byte))
    return blanks

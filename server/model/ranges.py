"""Parts of an object, as a request for its bytes asks for them.

Source: RFC 9110, section 14.
"""

import re
from dataclasses import dataclass

from server.errors import UnsatisfiableRangeError

# No object has as many bytes as 18 digits tell.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of an object: both ends are included."""

    first: int
    last: int

    @property
    def size_bytes(self) -> int:
        """How many bytes it has."""
        return self.last - self.first + 1


def asked_span(text: str | None, size_bytes: int) -> Span | None:
    """Return the part of an object that a header `Range` asks for; None for all of it.

    Several ranges, and what is no range of bytes, are answered with all of it.

    Raises:
        UnsatisfiableRangeError: if it begins behind the object's end.
    """
    asked = _RANGE.fullmatch(text.replace(" ", "")) if text else None
    if asked is None or not any(asked.groups()):
        return None
    if not asked[1]:
        first, last = max(0, size_bytes - int(asked[2])), size_bytes - 1
    else:
        first, last = int(asked[1]), min(int(asked[2] or size_bytes), size_bytes - 1)
        if asked[2] and int(asked[2]) < first:
            return None
    if first > last:
        raise UnsatisfiableRangeError(size_bytes=size_bytes)
    return Span(first, last)

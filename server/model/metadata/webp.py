"""What a WebP tells beside its picture: every chunk that does not change how it looks.

Source: RFC 9649, section 2.
"""

import struct

from server.model.metadata.blanks import MOST_BLANKS, Blank, Search, whole, with_rest
from server.model.metadata.exif import bare_exif

_FORM_BYTES, _HEAD_BYTES = 12, 8
_SHOWN = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_EXIF = b"EXIF"


def webp_blanks(size_bytes: int) -> Search:
    """Return what to blank; of the EXIF, the orientation stays."""
    data = yield from whole(size_bytes)
    blanks: list[Blank] = []
    form_end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    place = _FORM_BYTES
    while place + _HEAD_BYTES <= form_end and len(blanks) < MOST_BLANKS:
        (length,) = struct.unpack_from("<I", data, place + 4)
        kind, first = data[place : place + 4], place + _HEAD_BYTES
        end = min(first + length + length % 2, len(data))
        if kind not in _SHOWN and end > first:
            content = data[first : first + length]
            blanks.append(Blank(first, end - first, bare_exif(content) if kind == _EXIF else b""))
        place = end
    return with_rest(blanks, place, len(data))

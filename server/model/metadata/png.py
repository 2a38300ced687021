"""What a PNG tells beside its picture: every chunk that does not change how it looks.

Source: W3C, Portable Network Graphics (third edition, 2023), sections 5 and 11.
"""

import struct
import zlib

from server.model.metadata.blanks import MOST_BLANKS, Blank, Search, whole, with_rest
from server.model.metadata.exif import bare_exif

_SIGNATURE_BYTES, _HEAD_BYTES, _SUM_BYTES = 8, 8, 4
_SHOWN = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT"
    b" acTL fcTL fdAT".split()
)
_EXIF, _END = b"eXIf", b"IEND"
# By its letters: one that may be left out, that nobody else knows, and that may be copied.
_NOTHING = b"blNk"


def png_blanks(size_bytes: int) -> Search:
    """Return what to blank; of the EXIF, the orientation stays."""
    data = yield from whole(size_bytes)
    blanks: list[Blank] = []
    place = _SIGNATURE_BYTES
    while place + _HEAD_BYTES <= len(data) and len(blanks) < MOST_BLANKS:
        (length,) = struct.unpack_from(">I", data, place)
        kind = data[place + 4 : place + 8]
        end = place + _HEAD_BYTES + length + _SUM_BYTES
        if kind not in _SHOWN:
            if end > len(data):
                break
            _blank_chunk(blanks, data, place, length)
        place = end
        if kind == _END:
            break
    return with_rest(blanks, place, len(data))


def _blank_chunk(blanks: list[Blank], data: bytes, place: int, length: int) -> None:
    kind, first = data[place + 4 : place + 8], place + _HEAD_BYTES
    bare = bare_exif(data[first : first + length]) if kind == _EXIF else b""
    kept = (_EXIF if bare else _NOTHING) + bare
    blanks.append(Blank(place + 4, 4 + length, kept))
    checksum = zlib.crc32(kept.ljust(4 + length, b"\0"))
    blanks.append(Blank(first + length, _SUM_BYTES, struct.pack(">I", checksum)))

"""EXIF as far as it changes what is seen: the orientation, read from it and written alone.

Source: CIPA DC-008 (Exif 2.32), sections 4.6.2 (structure of an image file directory) and 4.6.5.
"""

import struct

ORIENTATION = 0x0112
PREFIX = b"Exif\0\0"
_SHORT = 3
_UPRIGHT, _LAST = 1, 8
_ENTRY_BYTES = 12
# Of a directory that is no invention.
_MOST_ENTRIES = 1_000


def orientation_of(exif: bytes) -> int:
    """Return how a picture is to be turned, 1 to 8; 1, which is upright, if nothing tells."""
    tiff = exif.removeprefix(PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return _UPRIGHT
    try:
        (place,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, place)
        for number in range(min(count, _MOST_ENTRIES)):
            entry = place + 2 + number * _ENTRY_BYTES
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == ORIENTATION:
                return value if kind == _SHORT and _UPRIGHT <= value <= _LAST else _UPRIGHT
    except struct.error:
        pass  # it ends before what it announces
    return _UPRIGHT


def bare_exif(exif: bytes) -> bytes:
    """Return EXIF that tells the same orientation and no more; nothing if that is upright.

    It is never longer than what it is made of.
    """
    orientation = orientation_of(exif)
    if orientation == _UPRIGHT:
        return b""
    prefix = PREFIX if exif.startswith(PREFIX) else b""
    entry = struct.pack("<HHIHH", ORIENTATION, _SHORT, 1, orientation, 0)
    bare = prefix + b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    # Not longer only if it has the end of its directory, which damaged ones may lack.
    return bare if len(bare) <= len(exif) else b""

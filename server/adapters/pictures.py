"""The sizes of pictures, read with Pillow."""

import asyncio
import warnings
from io import BytesIO

from PIL import ExifTags, Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
# Of the EXIF orientations, those that turn a picture on its side.
ON_ITS_SIDE = frozenset({5, 6, 7, 8})


class PillowPictures:
    """Keeps the port `Pictures`."""

    async def size(self, head: bytes) -> tuple[int, int] | None:
        """Return width and height as a picture is shown; None if its first bytes do not tell."""
        return await asyncio.to_thread(_size, head)


def _size(head: bytes) -> tuple[int, int] | None:
    try:
        with warnings.catch_warnings():
            # How large a picture may be is for who decodes it to say.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(head), formats=FORMATS) as image:
                width, height = image.size
                # A PNG's own `getexif` decodes all of it, of which only the beginning is there.
                orientation = Image.Image.getexif(image).get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - Pillow raises whatever it stumbles over in a stranger's file
        return _webp_size(head)
    return (height, width) if orientation in ON_ITS_SIDE else (width, height)


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """Return what a WebP's header says: Pillow opens none of which the end is missing.

    Source: RFC 9649, sections 2.5 to 2.7; RFC 6386, section 9.1 (lossy).
    """
    if len(head) < _WEBP_HEADER_BYTES or head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    match head[12:16]:
        case b"VP8X":
            return _number(head[24:27]) + 1, _number(head[27:30]) + 1
        case b"VP8L":
            bits = _number(head[21:25])
            return (bits & _FOURTEEN_BITS) + 1, (bits >> 14 & _FOURTEEN_BITS) + 1
        case b"VP8 ":
            return _number(head[26:28]) & _FOURTEEN_BITS, _number(head[28:30]) & _FOURTEEN_BITS
        case _:
            return None


_WEBP_HEADER_BYTES = 30
_FOURTEEN_BITS = 0x3FFF


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")

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
                orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - Pillow raises whatever it stumbles over in a stranger's file
        return None
    return (height, width) if orientation in ON_ITS_SIDE else (width, height)

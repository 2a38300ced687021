"""What originals tell beside what they show, found without decoding them: places, names, devices.

An original is shown until its renditions are there, and on if none can be made. It is sent with
these bytes blanked, in their place and with the same length, so that all other bytes stay where
they are. Each format's rule is pure: it asks for the bytes that it wants to see.
"""

from collections.abc import Callable, Mapping

from server.model.metadata.blanks import Blank, Search, UntellableError, Wanted, blanked
from server.model.metadata.gif import gif_blanks
from server.model.metadata.jpeg import jpeg_blanks
from server.model.metadata.mp4 import mp4_blanks
from server.model.metadata.png import png_blanks
from server.model.metadata.webm import webm_blanks
from server.model.metadata.webp import webp_blanks

__all__ = ["Blank", "Search", "UntellableError", "Wanted", "blanked", "search"]

_RULES: Mapping[str, Callable[[int], Search]] = {
    "image/jpeg": jpeg_blanks,
    "image/png": png_blanks,
    "image/webp": webp_blanks,
    "image/gif": gif_blanks,
    "video/mp4": mp4_blanks,
    "video/quicktime": mp4_blanks,
    "video/webm": webm_blanks,
}


def search(content_type: str, size_bytes: int) -> Search:
    """Return the search for what a file of a type and size is to be sent without."""
    return _RULES[content_type](size_bytes)

"""Renditions made of an upload: the port between the media processor and what decodes files."""

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

UNWRITABLE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""Errors of a disk that takes no write for now, whatever is written."""


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """A file that was made.

    Attributes:
        name: its path below the folder that it was made in, with slashes.
        content_type: its media type.
        width, height: of what it shows, pixels; 0 for a playlist.
        size_bytes: of the file.
    """

    name: str
    content_type: str
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was made of an upload.

    Attributes:
        width, height: of the upload as it is shown, turned upright.
        files: all that was made, images from small to large.
        poster: the name of a still picture of a video; None for an image.
        playlist: the name of a video's master playlist; None for an image.
    """

    width: int
    height: int
    files: tuple[RenderedFile, ...]
    poster: str | None = None
    playlist: str | None = None


class Transcoder(Protocol):
    """Makes the renditions of images and videos, away from the server's own process."""

    async def render(self, source: Path, content_type: str, into: Path) -> Rendered:
        """Make the renditions of a file in a folder that is there and empty.

        Raises:
            UnrenderableError: if the file is to blame: another try would end the same way.
            StorageError: if the disk takes no write: another time it will.
            RenditionFailedError: if it was not made for another reason.
        """
        ...

    async def close(self) -> None:
        """End what is being made."""
        ...

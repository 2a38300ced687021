"""Pictures, as far as they are told by their first bytes."""

from typing import Protocol

# Before a picture's size there may be a colour profile and a thumbnail.
PICTURE_HEAD_BYTES = 262_144


class Pictures(Protocol):
    """Reads the headers of pictures, and never their pixels."""

    async def size(self, head: bytes) -> tuple[int, int] | None:
        """Return width and height as a picture is shown; None if its first bytes do not tell."""
        ...

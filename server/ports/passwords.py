"""Passwords: hashed slowly, so that a stolen store gives none away."""

from typing import Protocol


class Passwords(Protocol):
    """A memory-hard hash, computed away from the event loop."""

    async def hashed(self, password: str) -> str:
        """Return the text to store for a password."""
        ...

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether a password has that hash; as slow without one, and then False."""
        ...

    def close(self) -> None:
        """Finish, and let go of what it computes on."""
        ...

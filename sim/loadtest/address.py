"""Where the master of generators on other machines listens."""

from dataclasses import dataclass

_USUAL_PORT = 5557
"""Locust's."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port."""

    host: str
    port: int = _USUAL_PORT

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{self.host}:{self.port}"

"""Where clients find the server."""

from dataclasses import dataclass


@dataclass
class Site:
    """The server's own URL, which is known at last when it listens.

    Never taken from a request: what a client says that it called would be shown to others.

    Attributes:
        url: without a slash at its end.
    """

    url: str = ""

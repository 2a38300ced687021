"""Where clients find the server."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PLAIN_HOST = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?"
)


@dataclass
class Site:
    """The server's own URL, which is known at last when it listens.

    It is not taken from a request: what a client says that it called would be shown to others.
    Only a server on every address of its machine has no URL that all clients reach. It tells each
    client the address that this client has called, and nobody else.

    Attributes:
        url: without a slash at its end.
        is_everywhere: whether `url` stands for every address of the machine.
    """

    url: str = ""
    is_everywhere: bool = False

    def seen_by(self, headers: Mapping[str, str]) -> str:
        """Return the URL for the client that has sent these headers, for its own answers only."""
        if not self.is_everywhere:
            return self.url
        # In lower case, as browsers send it with the signed upload.
        host = headers.get("Host", "").lower()
        return f"http://{host}" if _PLAIN_HOST.fullmatch(host) else self.url

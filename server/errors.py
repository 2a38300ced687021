"""What can keep the server from starting.

ServerError
├── AddressError     no address of this machine, or a port this user may not open
├── PortTakenError   another program listens there
└── DataFolderError  what it stores cannot be kept there
"""

from pathlib import Path


class ServerError(Exception):
    """Root of everything this package raises; its text is meant for the user."""


class AddressError(ServerError):
    """An address that cannot be listened on."""

    def __init__(self, *, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        super().__init__(f"cannot listen on {host!r}, port {port}: {reason}")


class PortTakenError(ServerError):
    """A port that another program listens on."""

    def __init__(self, *, host: str, port: int) -> None:
        self.host = host
        self.port = port
        super().__init__(
            f"port {port} on {host} is taken by another program; "
            "choose another with --port (0 picks a free one)"
        )


class DataFolderError(ServerError):
    """A data folder that cannot be made or written to."""

    def __init__(self, *, folder: Path, reason: str) -> None:
        self.folder = folder
        super().__init__(f"cannot keep data in {folder}: {reason}; expected a folder to write to")

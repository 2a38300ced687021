"""What can go wrong in the server.

ServerError
├── WorldError             a world that cannot be populated
├── BackgroundError        what nobody asks for, and everybody needs, has stopped
├── UnreadableEventsError  rows of the message queue that are no events
├── StartError             what can keep it from starting
│   ├── AddressError       no address of this machine, or a port this user may not open
│   ├── PortTakenError     another program listens there
│   ├── OpenToAllError     no authentication, on an address that others reach
│   ├── OpenFilesError     more connections than the process may open files
│   └── DataFolderError    what it stores cannot be kept there
│       ├── DamagedFileError    one of its files is not what it should be
│       ├── FolderInUseError    another server has it
│       ├── FolderNotEmptyError there are users, or files of others, already
│       ├── NewerSchemaError    a later version wrote it
│       └── OlderSchemaError    an earlier version wrote it, and no server has opened it since
├── RenditionError         renditions that were not made
│   ├── UnrenderableError  the file is to blame: another try would end the same way
│   └── RenditionFailedError  something else is
└── RequestError           what can keep it from doing what it is asked
    ├── BrokenBodyError    a body that ends early or cannot be decoded
    ├── SlowBodyError      a body that takes too long
    ├── NotFoundError      no such user, post or comment
    │   ├── UnknownUploadError  an upload in parts that is over, or never was
    │   └── DamagedObjectError  an object whose file is not whole any more
    ├── NotOwnerError      somebody else's
    ├── NotAuthenticatedError  no token, or a bad one
    ├── ForeignOriginError where nobody needs a token: a page from elsewhere
    ├── NameTakenError     another user has the name
    ├── InvalidFieldError  a field, limit or cursor that is wrong
    ├── KeyReusedError     an idempotency key used for another request
    ├── KeyInProgressError an idempotency key whose request is not done
    ├── TooManyRequestsError  past a rate limit
    ├── OverloadedError    a queue is full
    ├── MediaGoneError     media that no post may show, any more
    ├── ObjectExistsError  an object that must not be replaced
    ├── WrongBytesError    an upload that is not what was declared
    │   └── WrongPartError     a part of an upload that is not the one that was put
    ├── UnsatisfiableRangeError  a part that begins behind an object's end
    └── StorageError       the disk does not take what is written
"""

from collections.abc import Mapping
from math import ceil
from pathlib import Path


class ServerError(Exception):
    """Root of everything this package raises; its text is meant for the user."""


class WorldError(ServerError):
    """A world that is too old or too large to be populated."""

    def __init__(self, *, option: str, reason: str) -> None:
        self.option = option
        super().__init__(f"{option}: {reason}")


class BackgroundError(ServerError):
    """Work in the background has stopped, by a bug: the server cannot go on without it."""

    def __init__(self, cause: BaseException | None) -> None:
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        self.cause = cause
        super().__init__(
            f"work in the background has stopped ({cause!r}), so the server has ended; this is a"
            " bug in socialfeed; what was confirmed is kept, start the server again"
        )


class UnreadableEventsError(ServerError):
    """Rows of the message queue that no program of ours has written like that.

    Attributes:
        reasons: by place in the queue.
    """

    def __init__(self, reasons: Mapping[int, str]) -> None:
        self.reasons = reasons
        super().__init__(f"{len(reasons)} events cannot be read")


class StartError(ServerError):
    """The server cannot start."""


class AddressError(StartError):
    """An address that cannot be listened on."""

    def __init__(self, *, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        super().__init__(f"cannot listen on {host!r}, port {port}: {reason}")


class PortTakenError(StartError):
    """A port that another program listens on."""

    def __init__(self, *, host: str, port: int) -> None:
        self.host = host
        self.port = port
        super().__init__(
            f"port {port} on {host} is taken by another program; "
            "choose another with --port (0 picks a free one)"
        )


class OpenToAllError(StartError):
    """Authentication turned off where other machines could reach the server."""

    def __init__(self, *, host: str) -> None:
        self.host = host
        super().__init__(
            f"--open turns authentication off, so it listens on a loopback address only, "
            f"such as 127.0.0.1; found {host!r}"
        )


class OpenFilesError(StartError):
    """More connections than the process may open files."""

    def __init__(self, *, connections: int, most: int) -> None:
        self.connections = connections
        self.most = most
        super().__init__(
            f"--connections {connections}: this process may open files for {most} connections at "
            "most; allow it more (ulimit -n), or choose fewer"
        )


class DataFolderError(StartError):
    """A data folder that cannot be made, written to or used."""

    def __init__(self, *, folder: Path, reason: str) -> None:
        self.folder = folder
        super().__init__(f"cannot keep data in {folder}: {reason}; expected a folder to write to")


class NoDataError(DataFolderError):
    """A data folder that is to be read, and in which there is nothing."""

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder
        Exception.__init__(
            self, f"no server has kept data there: {folder}; expected the folder of `serve --data`"
        )


class DamagedFileError(DataFolderError):
    """A file of a data folder that is not what it should be."""

    def __init__(self, *, path: Path, reason: str, advice: str = "") -> None:
        self.folder = path.parent
        self.path = path
        self.reason = reason
        Exception.__init__(self, f"cannot use {path}: {reason}" + (f"; {advice}" if advice else ""))


class FolderInUseError(DataFolderError):
    """A data folder that another server, or another command, has open."""

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder
        Exception.__init__(
            self,
            f"the data in {folder} is in use by another socialfeed process; "
            "stop it, or choose another folder with --data",
        )


class FolderNotEmptyError(DataFolderError):
    """A data folder that was to be filled and has users, or files of others, already."""

    def __init__(
        self, *, folder: Path, found: str = "users", advice: str = "expected a new folder"
    ) -> None:
        self.folder = folder
        Exception.__init__(self, f"there are {found} in {folder} already; {advice}")


class NewerSchemaError(DataFolderError):
    """A data folder that a later version of this program has written."""

    def __init__(self, *, folder: Path, found: int, known: int) -> None:
        self.folder = folder
        self.found = found
        self.known = known
        Exception.__init__(
            self,
            f"the data in {folder} has schema version {found}, this program knows versions up to "
            f"{known}; run the version that wrote it, or a later one",
        )


class OlderSchemaError(DataFolderError):
    """A data folder that an earlier version of this program has written."""

    def __init__(self, *, folder: Path, found: int, known: int) -> None:
        self.folder = folder
        self.found = found
        self.known = known
        Exception.__init__(
            self,
            f"the data in {folder} has schema version {found}, expected {known}; "
            "start socialfeed serve on it once, which brings it up to date",
        )


class RenditionError(ServerError):
    """Renditions that were not made."""

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(f"no renditions: {reason}")


class UnrenderableError(RenditionError):
    """A file that is not what it says, is damaged, or asks for more than the limits."""


class RenditionFailedError(RenditionError):
    """A file that was not rendered for a reason that is not in it."""


class RequestError(ServerError):
    """A request that cannot be done."""


class BrokenBodyError(RequestError):
    """A body that ends early, or is not in the encoding that its headers tell."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"the body cannot be used: {reason}")


class BodyTooLargeError(RequestError):
    """A body that is larger than the server takes."""

    def __init__(self, *, most_bytes: int) -> None:
        super().__init__(f"the body is too large: expected at most {most_bytes:,} bytes, decoded")


class UnsupportedBodyError(RequestError):
    """A body whose headers tell of what the server does not read."""

    def __init__(self, *, header: str, found: str, expected: str) -> None:
        super().__init__(f"expected {header}: {expected}; found {found or 'none'}")


class SlowBodyError(RequestError):
    """A body that has not come in time."""

    def __init__(self, *, within_s: float) -> None:
        super().__init__(f"the body has not come within {within_s:g} s")


class NotFoundError(RequestError):
    """Something that is not there, or not any more."""

    def __init__(self, *, kind: str, found: object) -> None:
        self.kind = kind
        super().__init__(f"there is no {kind} {found}")


class DamagedObjectError(NotFoundError):
    """An object whose file is not whole any more: waiting for the store would not bring it back."""

    def __init__(self, *, name: str) -> None:
        super().__init__(kind="whole object in the file", found=name)


class NotOwnerError(RequestError):
    """Somebody else's."""

    def __init__(self, *, what: str) -> None:
        super().__init__(f"{what} is not the token's user's")


class NotAuthenticatedError(RequestError):
    """No token, or one that is forged, expired or revoked; or a wrong password."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)


class ForeignOriginError(RequestError):
    """Without authentication: a request for another name, or by a page from elsewhere."""

    def __init__(self, *, header: str) -> None:
        super().__init__(f"{header}: without tokens only this machine's own names are served")


class NameTakenError(RequestError):
    """A name that another user has."""

    def __init__(self, *, name: str) -> None:
        self.name = name
        super().__init__(f"the name {name!r} is taken")


class InvalidFieldError(RequestError):
    """A field of the body, or a part of the query, with a value that cannot be."""

    def __init__(self, *, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class KeyReusedError(RequestError):
    """An idempotency key that was used for a request with another body."""

    def __init__(self) -> None:
        super().__init__("Idempotency-Key: used before for another request")


class KeyInProgressError(RequestError):
    """An idempotency key whose first request is still being answered."""

    def __init__(self) -> None:
        super().__init__("Idempotency-Key: its first request is still in progress")


class TooManyRequestsError(RequestError):
    """More requests than the rate limit allows."""

    def __init__(self, *, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many requests; try again in {ceil(retry_after_s)} s")


class OverloadedError(RequestError):
    """A bounded queue that is full."""

    def __init__(self, *, box: str) -> None:
        self.box = box
        super().__init__(f"{box} is overloaded; try again in a moment")


class MediaGoneError(RequestError):
    """Media that is not there, or is being removed."""

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(f"there is no media {key}")


class ObjectExistsError(RequestError):
    """An object that is there, and must not be replaced."""

    def __init__(self, *, key: str) -> None:
        self.key = key
        super().__init__(f"there is an object {key} already")


class WrongBytesError(RequestError):
    """An upload whose bytes are not of the declared type or number."""

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")


class WrongPartError(WrongBytesError):
    """A part of an upload that is not the one that was put, or not where it belongs."""


class UnknownUploadError(NotFoundError):
    """An upload in parts that is over, or never was."""

    def __init__(self, *, found: str) -> None:
        super().__init__(kind="upload", found=found)


class UnsatisfiableRangeError(RequestError):
    """A part of an object that begins behind its end."""

    def __init__(self, *, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        super().__init__(f"expected a part of the object, which has {size_bytes} bytes")


class StorageError(RequestError):
    """A store that cannot be read or written, such as on a full disk.

    Its clients are told the reason; the detail is only for whoever runs the server.
    """

    def __init__(self, *, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"the store does not answer: {reason}")

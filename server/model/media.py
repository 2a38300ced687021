"""Media: what users upload, what is made of it, and how each kind is told by its first bytes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from server.model.ids import time_ms_of

# Where the cdn serves media, on the server's own URL.
MEDIA_PATH = "/media/"
# What the keys of users' uploads start with.
UPLOADS_PREFIX = "u/"
# Bytes that tell every type apart.
HEAD_BYTES = 32
# With what a folder adds to it, a segment is the name of a file, of which none has 256 bytes.
LARGEST_KEY, LARGEST_SEGMENT = 512, 200
_SEGMENT = rf"[A-Za-z0-9_-][A-Za-z0-9._-]{{0,{LARGEST_SEGMENT - 1}}}"
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*", re.ASCII)


class MediaKind(StrEnum):
    """How media is shown."""

    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class MediaType:
    """A type that may be uploaded.

    Attributes:
        kind: how it is shown.
        extension: of its keys, without the dot.
        matches: whether first bytes are of this type.
    """

    kind: MediaKind
    extension: str
    matches: Callable[[bytes], bool]


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_quicktime(head: bytes) -> bool:
    # The oldest files have no brand and start with one of these atoms.
    return head[4:12] == b"ftypqt  " or head[4:8] in {b"moov", b"wide", b"mdat"}


def _is_mp4(head: bytes) -> bool:
    # HEIF and AVIF images are boxes of the same container.
    is_image = head[8:12] in {b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis"}
    return head[4:8] == b"ftyp" and head[8:12] != b"qt  " and not is_image


# Source: WHATWG MIME Sniffing, section 6, for all but QuickTime; the QuickTime File Format
# specification (2016), "The File Type Compatibility Atom".
MEDIA_TYPES: Mapping[str, MediaType] = {
    "image/jpeg": MediaType(MediaKind.IMAGE, "jpg", _starts(b"\xff\xd8\xff")),
    "image/png": MediaType(MediaKind.IMAGE, "png", _starts(b"\x89PNG\r\n\x1a\n")),
    "image/webp": MediaType(MediaKind.IMAGE, "webp", _is_webp),
    "image/gif": MediaType(MediaKind.IMAGE, "gif", _starts(b"GIF87a", b"GIF89a")),
    "video/mp4": MediaType(MediaKind.VIDEO, "mp4", _is_mp4),
    "video/quicktime": MediaType(MediaKind.VIDEO, "mov", _is_quicktime),
    "video/webm": MediaType(MediaKind.VIDEO, "webm", _starts(b"\x1aE\xdf\xa3")),
}


def sniffed(head: bytes) -> str | None:
    """Return the type that the first `HEAD_BYTES` of media are of; None for none of ours."""
    return next((name for name, known in MEDIA_TYPES.items() if known.matches(head)), None)


class MediaState(StrEnum):
    """How far media has come."""

    PENDING = "pending"  # signed for, and not seen complete
    STORED = "stored"  # complete and of its type
    READY = "ready"  # with its renditions
    FAILED = "failed"  # without renditions, for a reason; the original is still shown
    REMOVED = "removed"  # no post shows it any more, or within a day: it is being deleted


@dataclass(frozen=True, slots=True)
class Rendition:
    """One form of media, made for a kind of client."""

    key: str
    content_type: str
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Media:
    """What a user uploads, or is about to.

    Attributes:
        media_id: of events; tells when the upload was signed.
        key: in object storage, `u/{owner}/{random}.{extension}`.
        owner_id: who may post it.
        content_type: one of `MEDIA_TYPES`.
        size_bytes: of the original, to the byte.
        state: how far it has come.
        width, height: in pixels as it is shown; None while nobody knows.
        renditions: what was made of it, none of it larger than it.
        poster_key: of a video's still picture.
        playlist_key: of a video's HLS playlist.
        failure: why there are no renditions.
    """

    media_id: int
    key: str
    owner_id: int
    content_type: str
    size_bytes: int
    state: MediaState = MediaState.PENDING
    width: int | None = None
    height: int | None = None
    renditions: tuple[Rendition, ...] = ()
    poster_key: str | None = None
    playlist_key: str | None = None
    failure: str | None = None

    @property
    def kind(self) -> MediaKind:
        """How it is shown."""
        return MEDIA_TYPES[self.content_type].kind

    @property
    def created_at_ms(self) -> int:
        """When the upload was signed."""
        return time_ms_of(self.media_id)

    @property
    def path(self) -> str:
        """Where the cdn serves it, on the server's own URL."""
        return media_path(self.key)

    @property
    def failure_in_short(self) -> str | None:
        """Why there are no renditions, for everybody: without the words of a decoder."""
        return self.failure and self.failure.partition(": ")[0]

    @property
    def rendition_prefix(self) -> str:
        """What the keys of all that is made of it start with, and no others."""
        name = self.key.rpartition("/")[2].partition(".")[0]
        return f"r/{name}/"


def is_key(text: str) -> bool:
    """Whether an object can have this key."""
    return len(text) <= LARGEST_KEY and _KEY.fullmatch(text) is not None


def upload_key(owner_id: int, content_type: str, *, name: str) -> str:
    """Return the key of a new upload; `name` is random, since who knows the key sees the media."""
    return f"{UPLOADS_PREFIX}{owner_id}/{name}.{MEDIA_TYPES[content_type].extension}"


def media_path(key: str) -> str:
    """Return where the cdn serves an object, on the server's own URL."""
    return MEDIA_PATH + key


def key_in(path: str) -> str | None:
    """Return the key of an object that the cdn serves at a path; None for any other path."""
    key = path.removeprefix(MEDIA_PATH)
    return None if key == path else key

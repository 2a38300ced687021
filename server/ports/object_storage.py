"""Object storage: objects by key, uploaded by clients through pre-signed URLs."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PresignedPut:
    """A request that a client may send in our name, once and until a time.

    Attributes:
        url: where to.
        headers: that it has to carry, each with this value.
        expires_at_ms: until when it has to start.
    """

    url: str
    headers: Mapping[str, str]
    expires_at_ms: int
    method: str = "PUT"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is known of an object without reading it.

    Attributes:
        size_bytes, content_type: of its content.
        etag: of its content, in quotes.
        modified_at_s: when it was stored, whole seconds since 1970.
    """

    size_bytes: int
    content_type: str
    etag: str
    modified_at_s: int


class ObjectStorage(Protocol):
    """One bucket. Keys are of letters, digits and `-_./`, which need no escape in a URL.

    An object is there whole or not at all, and on disk when a call returns, if the adapter has
    one. Any call raises `StorageError` while the store does not answer or take more.
    """

    def presigned_put(
        self, key: str, *, content_type: str, size_bytes: int, expires_s: int, site_url: str
    ) -> PresignedPut:
        """Return a request that puts exactly so many bytes of that type there, if none are yet.

        `site_url` is where the client finds this server, for a store that is part of it.
        """
        ...

    async def head(self, key: str) -> StoredObject | None:
        """Return what is known of an object, or None if there is none."""
        ...

    def read(self, key: str, *, first: int = 0, last: int | None = None) -> AsyncIterator[bytes]:
        """Yield an object's bytes from `first` to `last`, both included; None is the end.

        Raises:
            NotFoundError: if there is no such object.
        """
        ...

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        """Store a file's content, in place of what was there."""
        ...

    async def download(self, key: str, path: Path) -> None:
        """Write an object's content to a file.

        Raises:
            NotFoundError: if there is no such object.
        """
        ...

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, no matter whether they are there."""
        ...

    async def delete_under(self, prefix: str) -> None:
        """Delete all objects whose keys start with a prefix that ends in a slash."""
        ...


class IncomingObject(Protocol):
    """An object whose bytes are coming in."""

    async def write(self, data: bytes) -> None:
        """Add bytes."""
        ...

    async def keep(self, *, content_type: str, replaces: bool) -> StoredObject:
        """Make it an object, whole and on disk; `replaces` one that is there.

        Raises:
            ObjectExistsError: if there is one that it must not replace.
        """
        ...


class EmbeddedStorage(ObjectStorage, Protocol):
    """A store to which clients' bytes come through this server."""

    def receive(self, key: str) -> AbstractAsyncContextManager[IncomingObject]:
        """Return a context for an object that comes in; nothing is left of it unless it is kept."""
        ...

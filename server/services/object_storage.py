"""Object storage, where clients upload through this server: only what is declared is kept."""

from collections.abc import AsyncIterator

from server.errors import InvalidFieldError, NotFoundError, WrongBytesError
from server.model.media import HEAD_BYTES, MEDIA_TYPES, UPLOADS_PREFIX, sniffed
from server.ports.object_storage import EmbeddedStorage, StoredObject
from server.services.upload_signer import UploadSigner


class ObjectReceiver:
    """Takes objects in."""

    def __init__(self, storage: EmbeddedStorage, signer: UploadSigner) -> None:
        self._storage = storage
        self._signer = signer

    async def take(
        self,
        key: str,
        body: AsyncIterator[bytes],
        *,
        content_type: str,
        size_bytes: int,
        replaces: bool,
    ) -> StoredObject:
        """Store what comes in, and follow up on it if it is a user's upload.

        Raises:
            WrongBytesError: if it is not of its size, or not of its type, if that is media's.
            ObjectExistsError: if there is one that must not be replaced.
            NotFoundError: if it is a user's upload that nobody has signed for.
        """
        async with self._storage.receive(key) as incoming:
            head, found_bytes = b"", 0
            async for data in body:
                if len(head) < HEAD_BYTES:
                    head += data[:HEAD_BYTES]
                    if len(head) >= HEAD_BYTES:
                        _expect_type(head, content_type)
                found_bytes += len(data)
                if found_bytes > size_bytes:
                    break
                await incoming.write(data)
            if found_bytes != size_bytes:
                raise WrongBytesError(expected=f"{size_bytes} bytes", found=f"{found_bytes} bytes")
            _expect_type(head, content_type)
            stored = await incoming.keep(content_type=content_type, replaces=replaces)
        if key.startswith(UPLOADS_PREFIX):
            await self._follow_up(key)
        return stored

    async def _follow_up(self, key: str) -> None:
        try:
            await self._signer.stored(key)
        except (NotFoundError, InvalidFieldError):
            await self._storage.delete([key])
            raise


def _expect_type(head: bytes, content_type: str) -> None:
    if content_type in MEDIA_TYPES:
        found = sniffed(head[:HEAD_BYTES])
        if found != content_type:
            raise WrongBytesError(
                expected=f"bytes of {content_type}", found=found or "no known type"
            )

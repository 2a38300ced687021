"""Large objects that a client uploads part by part: each part is kept until they are put together.

Parts are objects, too, under keys that nothing else has. What is known of an upload goes with the
process: a client whose upload is not known any more begins anew, as its library does by itself.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from server.errors import OverloadedError, UnknownUploadError, WrongPartError
from server.ports.clock import Clock
from server.ports.object_storage import EmbeddedStorage, StoredObject
from server.services.object_storage import ObjectReceiver

PARTS_PREFIX = "parts/"
MOST_UPLOADS = 1_000
KEPT_MS = 24 * 3_600_000
_PART_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class _Upload:
    upload_id: str
    key: str
    content_type: str
    begun_at_ms: int
    parts: dict[int, StoredObject] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        return f"{PARTS_PREFIX}{self.upload_id}/"


class UploadsInParts:
    """Keeps the parts of uploads in progress."""

    def __init__(
        self,
        storage: EmbeddedStorage,
        receiver: ObjectReceiver,
        clock: Clock,
        *,
        largest_bytes: int,
    ) -> None:
        self._largest_bytes = largest_bytes
        self._storage = storage
        self._receiver = receiver
        self._clock = clock
        self._numbers = count(1)
        self._uploads: dict[str, _Upload] = {}
        self._is_swept = False

    async def begin(self, key: str, *, content_type: str) -> str:
        """Return the id of a new upload.

        Raises:
            OverloadedError: if there are too many.
        """
        await self._sweep()
        if len(self._uploads) >= MOST_UPLOADS:
            raise OverloadedError(box="object_storage")
        now_ms = self._clock.now_ms()
        upload = _Upload(f"{now_ms}-{next(self._numbers)}", key, content_type, now_ms)
        self._uploads[upload.upload_id] = upload
        return upload.upload_id

    def room_bytes(self, upload_id: str, key: str, *, number: int) -> int:
        """Return how many bytes a part may have beside the others.

        Raises:
            UnknownUploadError: if there is no such upload of this key.
        """
        parts = self._known(upload_id, key).parts
        others = (part.size_bytes for place, part in parts.items() if place != number)
        return max(0, self._largest_bytes - sum(others))

    async def put(
        self, upload_id: str, key: str, body: AsyncIterator[bytes], *, number: int, size_bytes: int
    ) -> StoredObject:
        """Keep a part, in place of the one with the same number.

        Raises:
            UnknownUploadError: if there is no such upload of this key.
        """
        upload = self._known(upload_id, key)
        part = await self._receiver.take(
            f"{upload.prefix}{number}",
            body,
            content_type=_PART_TYPE,
            size_bytes=size_bytes,
            replaces=True,
        )
        upload.parts[number] = part
        return part

    async def finish(
        self, upload_id: str, key: str, parts: Sequence[tuple[int, str]], *, replaces: bool
    ) -> StoredObject:
        """Put parts together, each told by its number and its tag, in the order of their numbers.

        Raises:
            UnknownUploadError: if there is no such upload of this key.
            WrongPartError: if they are not in order, not those that were put, or too large.
        """
        upload = self._known(upload_id, key)
        size_bytes = _expect(parts, upload)
        # Parts that came at the same time did not know of each other.
        if size_bytes > self._largest_bytes:
            raise WrongPartError(
                expected=f"at most {self._largest_bytes} bytes", found=f"{size_bytes} bytes"
            )
        # Nobody else finishes it meanwhile.
        del self._uploads[upload_id]
        try:
            stored = await self._receiver.take(
                key,
                self._joined(upload, [number for number, _ in parts]),
                content_type=upload.content_type,
                size_bytes=size_bytes,
                replaces=replaces,
            )
        except BaseException:
            self._uploads[upload_id] = upload
            raise
        await self._storage.delete_under(upload.prefix)
        return stored

    async def abandon(self, upload_id: str, key: str) -> None:
        """Forget an upload, with its parts.

        Raises:
            UnknownUploadError: if there is no such upload of this key.
        """
        upload = self._known(upload_id, key)
        del self._uploads[upload_id]
        await self._storage.delete_under(upload.prefix)

    def _known(self, upload_id: str, key: str) -> _Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise UnknownUploadError(found=upload_id)
        return upload

    async def _joined(self, upload: _Upload, numbers: Sequence[int]) -> AsyncIterator[bytes]:
        for number in numbers:
            async for data in self._storage.read(f"{upload.prefix}{number}"):
                yield data

    async def _sweep(self) -> None:
        """Remove what another process has left, and what its client has left for a day."""
        if not self._is_swept:
            self._is_swept = True
            await self._storage.delete_under(PARTS_PREFIX)
        since_ms = self._clock.now_ms() - KEPT_MS
        for upload in [each for each in self._uploads.values() if each.begun_at_ms < since_ms]:
            await self.abandon(upload.upload_id, upload.key)


def _expect(parts: Sequence[tuple[int, str]], upload: _Upload) -> int:
    """Return the size of parts that are as they were put, and in order."""
    numbers = [number for number, _ in parts]
    if not numbers or numbers != sorted({*numbers}):
        raise WrongPartError(expected="parts in the order of their numbers", found=f"{numbers}")
    for number, etag in parts:
        kept = upload.parts.get(number)
        if kept is None or kept.etag.strip('"') != etag.strip('"'):
            raise WrongPartError(expected=f"part {number} as it was put", found=etag)
    return sum(upload.parts[number].size_bytes for number in numbers)

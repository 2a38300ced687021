"""The upload signer: the design document's Pre-Signed URL Generator, and what uploads come to."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from server.errors import InvalidFieldError, NotFoundError, StorageError
from server.model.events import Event, EventKind
from server.model.ids import on_shard, shard_of
from server.model.media import (
    HEAD_BYTES,
    MEDIA_TYPES,
    Media,
    MediaKind,
    MediaState,
    key_in,
    sniffed,
    upload_key,
)
from server.ports.clock import Clock
from server.ports.object_storage import ObjectStorage, PresignedPut
from server.ports.pictures import PICTURE_HEAD_BYTES, Pictures
from server.ports.stores import MediaStore
from server.services.accounts import Accounts

# 128 bits: who does not know a key cannot guess it.
NAME_BYTES = 16
ORPHANED_AFTER_MS = 86_400_000
REMOVED_AT_ONCE = 200
# Whoever posts waits so long for an object storage to tell the head of what was uploaded.
LOOKED_AT_WITHIN_S = 5.0
_EVENTS = {
    MediaKind.IMAGE: EventKind.UPLOADED,
    MediaKind.VIDEO: EventKind.VIDEO_UPLOADED,
}


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """What may be uploaded.

    Attributes:
        largest_bytes: of each kind of media.
        expires_s: how long a signed upload may be begun.
    """

    largest_bytes: Mapping[MediaKind, int] = field(
        default_factory=lambda: {MediaKind.IMAGE: 20_000_000, MediaKind.VIDEO: 200_000_000}
    )
    expires_s: int = 900


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """Media that may be uploaded, and how."""

    media: Media
    put: PresignedPut


class UploadSigner:
    """Steps 3 to 6 of the flow "create a media post": who may upload what, and what has come."""

    def __init__(  # noqa: PLR0913 - what it is made of, each by name
        self,
        *,
        settings: UploadSettings,
        storage: ObjectStorage,
        media: MediaStore,
        pictures: Pictures,
        accounts: Accounts,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        on_removal: Callable[[Media], None],
        storage_failure: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`storage_failure` returns why the storage is known to be of no use; None if it is not."""
        self._settings = settings
        self._storage = storage
        self._media = media
        self._pictures = pictures
        self._accounts = accounts
        self._clock = clock
        self._random_bytes = random_bytes
        self._on_removal = on_removal
        self._storage_failure = storage_failure

    async def sign(
        self, owner_id: int, *, content_type: str, size_bytes: int, fresh_id: int, site_url: str
    ) -> SignedUpload:
        """Return an upload that its owner may make from now on, for a while.

        `site_url` is where the owner finds this server, which may be where the bytes go.

        Raises:
            NotFoundError: if there is no such user.
            InvalidFieldError: if media of that type, or so large, is not taken.
            StorageError: if it is known that the storage cannot be used.
        """
        await self._accounts.expect(owner_id)
        self._expect_taken(content_type, size_bytes)
        self._expect_storage()
        name = urlsafe_b64encode(self._random_bytes(NAME_BYTES)).rstrip(b"=").decode()
        media = Media(
            on_shard(fresh_id, shard_of(owner_id)),
            upload_key(owner_id, content_type, name=name),
            owner_id,
            content_type,
            size_bytes,
        )
        await self._media.add(media)
        put = self._storage.presigned_put(
            media.key,
            content_type=content_type,
            size_bytes=size_bytes,
            expires_s=self._settings.expires_s,
            site_url=site_url,
        )
        return SignedUpload(media, put)

    async def stored(self, key: str) -> None:
        """Follow up on an object that is stored: media is complete from now on, once.

        Raises:
            NotFoundError: if it is no media that was signed for, or that is removed meanwhile.
        """
        media = (await self._media.get_many([key])).get(key)
        if media is None or media.state is MediaState.REMOVED:
            raise NotFoundError(kind="upload", found=key)
        if media.state is MediaState.PENDING:
            await self._complete(media)

    async def claim(self, path: str, *, user_id: int) -> Media:
        """Return the complete media behind a path of this server that it has given to a user.

        Where clients upload past this server, what has come is looked at now. No other place is
        ever asked for anything.

        Raises:
            InvalidFieldError: if there is no such media of theirs, or it is not complete.
            StorageError: if the storage does not tell soon, or is known not to.
        """
        key = key_in(path)
        media = (await self._media.get_many([key])).get(key) if key else None
        if media is None or media.owner_id != user_id or media.state is MediaState.REMOVED:
            raise InvalidFieldError(
                field="mediaUrl", reason="expected the mediaUrl of an upload of this user"
            )
        if media.state is not MediaState.PENDING:
            return media
        self._expect_storage()
        return await self._complete(media)

    async def consume(self, events: Sequence[Event]) -> None:
        """Delete the media of deleted posts, which no other post shows."""
        for event in events:
            media = await self._media.get(event.subject_id)
            if media and media.state is MediaState.REMOVED:
                await self._remove([media])

    async def remove_orphans(self) -> None:
        """Delete what no post has shown for a day, and what was left over of other removals."""
        since_ms = self._clock.now_ms() - ORPHANED_AFTER_MS
        while orphans := await self._media.orphans(since_before_ms=since_ms, limit=REMOVED_AT_ONCE):
            await self._remove(orphans)

    async def _remove(self, removed: Sequence[Media]) -> None:
        # First, so that nobody sees it while a storage elsewhere takes its time.
        for media in removed:
            self._on_removal(media)
        await self._storage.delete([media.key for media in removed])
        for media in removed:
            await self._storage.delete_under(media.rendition_prefix)
            # Again: a rendition may have been looked for meanwhile.
            self._on_removal(media)
        # Last, so that whoever dies before is followed by somebody who knows of it.
        await self._media.forget([media.media_id for media in removed])

    def _expect_taken(self, content_type: str, size_bytes: int) -> None:
        known = MEDIA_TYPES.get(content_type)
        if known is None:
            raise InvalidFieldError(
                field="contentType", reason=f"expected one of {', '.join(MEDIA_TYPES)}"
            )
        most = self._settings.largest_bytes[known.kind]
        if size_bytes > most:
            raise InvalidFieldError(
                field="sizeBytes", reason=f"expected at most {most} bytes of {known.kind}"
            )

    def _expect_storage(self) -> None:
        reason = self._storage_failure()
        if reason is not None:
            raise StorageError(reason=reason)

    async def _complete(self, media: Media) -> Media:
        try:
            async with asyncio.timeout(LOOKED_AT_WITHIN_S):
                head = await self._head_of(media)
        except TimeoutError as error:
            raise StorageError(reason=f"no answer within {LOOKED_AT_WITHIN_S:g} s") from error
        size = await self._pictures.size(head) if media.kind is MediaKind.IMAGE else None
        width, height = size or (None, None)
        event = Event(_EVENTS[media.kind], media.owner_id, media.media_id)
        complete = await self._media.complete(
            media.media_id, width=width, height=height, event=event
        )
        if complete is None:
            raise InvalidFieldError(field="mediaUrl", reason="it is removed")
        return complete

    async def _head_of(self, media: Media) -> bytes:
        """Return the first bytes of what was uploaded, if it is what was signed for."""
        stored = await self._storage.head(media.key)
        if stored is None:
            raise InvalidFieldError(field="mediaUrl", reason="it is not uploaded yet")
        head = b"".join(
            [part async for part in self._storage.read(media.key, last=PICTURE_HEAD_BYTES - 1)]
        )
        found = sniffed(head[:HEAD_BYTES])
        if stored.size_bytes != media.size_bytes or found != media.content_type:
            raise InvalidFieldError(
                field="mediaUrl",
                reason=f"expected {media.size_bytes} bytes of {media.content_type}, "
                f"found {stored.size_bytes} bytes of {found or 'no known type'}",
            )
        return head

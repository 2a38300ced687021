"""The media processor: takes uploads from the queue and stores their renditions beside them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from server.errors import RenditionError, StorageError
from server.model.events import Event
from server.model.media import Media, MediaKind, MediaState, Rendition
from server.ports.object_storage import ObjectStorage
from server.ports.stores import MediaStore, Posts
from server.ports.telemetry import Telemetry
from server.ports.transcoder import UNWRITABLE_DISK, Rendered, Transcoder
from server.services.fair_turns import FairTurns
from server.services.post_cache import PostCache

_NOT_TO_DO = frozenset({MediaState.PENDING, MediaState.READY, MediaState.REMOVED})


class MediaProcessor:
    """The design document's media processing. Nobody waits for it: a post shows its original.

    Images and videos have a lane each, so that a picture does not wait for a film, and in a lane
    users take turns.
    """

    def __init__(  # noqa: PLR0913 - what it is made of, each by name
        self,
        *,
        storage: ObjectStorage,
        media: MediaStore,
        posts: Posts,
        post_cache: PostCache,
        transcoder: Transcoder,
        scratch: Path,
        telemetry: Telemetry,
        at_once: int = 1,
        on_change: Callable[[Media], None],
    ) -> None:
        """Keep what is being made below the folder `scratch`; `at_once` files of each kind."""
        self._storage = storage
        self._media = media
        self._posts = posts
        self._post_cache = post_cache
        self.transcoder = transcoder
        self._scratch = scratch
        self._telemetry = telemetry
        self._on_change = on_change
        self._lanes = {kind: FairTurns(at_once) for kind in MediaKind}

    async def consume(self, events: Sequence[Event]) -> None:
        """Make the renditions of uploads; an event that comes twice makes them once.

        Raises:
            UnrenderableError, DamagedObjectError: if it will never be done.
            RenditionFailedError, NotFoundError: if it was not done this time.
            StorageError: if a store is away, or the disk of the scratch folder is full.
        """
        for event in events:
            media = await self._media.get(event.subject_id)
            if media is None or media.state in _NOT_TO_DO:
                continue
            async with self._lanes[media.kind].turn(media.owner_id):
                if not await self._keep(await self._ready(media)):
                    # Removed meanwhile: whoever did that did not know of these.
                    await self._storage.delete_under(media.rendition_prefix)

    async def give_up(self, event: Event, error: Exception) -> None:
        """Note why an upload has no renditions, now that nobody tries any more."""
        media = await self._media.get(event.subject_id)
        if media is not None and media.state not in _NOT_TO_DO:
            reason = error.reason if isinstance(error, RenditionError) else str(error)
            await self._keep(replace(media, state=MediaState.FAILED, failure=reason))

    async def _ready(self, media: Media) -> Media:
        """Return the media with its renditions, which are stored."""
        with _unwritable_as_storage_error(), self._workplace() as place:
            source, made = Path(place, "source"), Path(place, "made")
            await asyncio.to_thread(made.mkdir)
            with self._telemetry.span("object_storage"):
                await self._storage.download(media.key, source)
            rendered = await self.transcoder.render(source, media.content_type, made)
            for each in rendered.files:
                key = media.rendition_prefix + each.name
                with self._telemetry.span("object_storage"):
                    await self._storage.put_file(
                        key, made / each.name, content_type=each.content_type
                    )
        return _with_renditions(media, rendered)

    async def _keep(self, media: Media) -> bool:
        """Keep what became of media, and show it from the next read on; False if it is removed."""
        if not await self._media.update(media):
            return False
        self._on_change(media)
        self._post_cache.drop(await self._posts.showing(media.path))
        return True

    def _workplace(self) -> TemporaryDirectory[str]:
        self._scratch.mkdir(exist_ok=True)
        # What cannot be removed is removed at the next start: the renditions are stored by then.
        return TemporaryDirectory(dir=self._scratch, prefix="media-", ignore_cleanup_errors=True)


@contextmanager
def _unwritable_as_storage_error() -> Iterator[None]:
    """Have it waited for, as for a store that is away: it is no fault of the file."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE_DISK:
            raise
        raise StorageError(reason=error.strerror or str(error)) from error


def _with_renditions(media: Media, rendered: Rendered) -> Media:
    prefix = media.rendition_prefix
    return replace(
        media,
        state=MediaState.READY,
        width=rendered.width,
        height=rendered.height,
        renditions=tuple(
            Rendition(
                prefix + each.name, each.content_type, each.width, each.height, each.size_bytes
            )
            for each in rendered.files
        ),
        poster_key=rendered.poster and prefix + rendered.poster,
        playlist_key=rendered.playlist and prefix + rendered.playlist,
        failure=None,
    )

"""Media in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from server.adapters.memory.queue import Memory
from server.errors import MediaGoneError
from server.model.events import Event, EventKind
from server.model.media import Media, MediaState


class MemoryMedia:
    """Keeps the port `MediaStore`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._media: dict[int, Media] = {}
        self._orphaned_at_ms: dict[int, int] = {}

    async def add(self, media: Media) -> None:
        """Add media that is about to be uploaded."""
        if media.media_id not in self._media:
            self._media[media.media_id] = media
            self._orphaned_at_ms[media.media_id] = media.created_at_ms

    async def get(self, media_id: int) -> Media | None:
        """Return media by its id."""
        return self._media.get(media_id)

    async def get_many(self, keys: Iterable[str]) -> Mapping[str, Media]:
        """Return those of the media that are known, by key."""
        wanted = set(keys)
        return {media.key: media for media in self._media.values() if media.key in wanted}

    async def complete(
        self, media_id: int, *, width: int | None, height: int | None, event: Event
    ) -> Media | None:
        """Note that media is stored, and add its event, once."""
        media = self._media.get(media_id)
        if media is None or media.state is not MediaState.PENDING:
            return media
        self._memory.queue(event)
        self._media[media_id] = replace(media, state=MediaState.STORED, width=width, height=height)
        return self._media[media_id]

    async def update(self, media: Media) -> bool:
        """Keep what became of media; False, and nothing changed, if it is removed meanwhile."""
        found = self._media.get(media.media_id)
        if found is None or found.state is MediaState.REMOVED:
            return False
        self._media[media.media_id] = media
        return True

    async def orphans(self, *, since_before_ms: int, limit: int) -> Sequence[Media]:
        """Return media that no post shows since a time; from now on none can: it is removed."""
        since = sorted((at_ms, media_id) for media_id, at_ms in self._orphaned_at_ms.items())
        ids = [media_id for at_ms, media_id in since if at_ms < since_before_ms][:limit]
        for media_id in ids:
            self._media[media_id] = replace(self._media[media_id], state=MediaState.REMOVED)
        return [self._media[media_id] for media_id in ids]

    async def forget(self, media_ids: Iterable[int]) -> None:
        """Forget media that was removed."""
        for media_id in media_ids:
            self._media.pop(media_id, None)
            self._orphaned_at_ms.pop(media_id, None)

    def show(self, key: str) -> None:
        """Note that a post shows media; raises `MediaGoneError` if it cannot."""
        media = self._of(key)
        if media is None or media.state is MediaState.REMOVED:
            raise MediaGoneError(key=key)
        self._orphaned_at_ms.pop(media.media_id, None)

    def orphan(self, key: str) -> None:
        """Note that no post shows media any more: it is removed."""
        media = self._of(key)
        if media is not None:
            self._orphaned_at_ms[media.media_id] = 0
            self._media[media.media_id] = replace(media, state=MediaState.REMOVED)
            self._memory.queue(Event(EventKind.WITHDRAWN, media.owner_id, media.media_id))

    def _of(self, key: str) -> Media | None:
        return next((media for media in self._media.values() if media.key == key), None)

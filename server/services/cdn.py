"""The cdn: media from an edge cache, and from object storage where that has it not.

Objects are cached in slices, so that a long video is never held whole, and a part of it that is
seen often is near. A slice that several clients wait for is fetched once. What is stored under a
key never changes, so a slice that is cached is right for as long as its object is there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace

from server.errors import NotFoundError, StorageError
from server.model.delivery import Choice, Client, choice
from server.model.media import Media, MediaKind, MediaState
from server.model.metadata import Blank, blanked
from server.ports.object_storage import ObjectStorage, StoredObject
from server.ports.stores import MediaStore
from server.ports.telemetry import Telemetry
from server.services.bare_originals import BareOriginals
from server.services.caches import LeasedCache
from server.services.edge_cache import EdgeCache

BOX = "cdn"
SLICE_BYTES = 1_048_576
# Slices that are fetched at the same time are in memory beside the cache.
FETCHES_AT_ONCE = 32
# Media with its renditions takes some 2.5 kB.
REMEMBERED_OBJECTS = 10_000
# What is known of objects; most take the first of these, with none of the second.
KNOWN_BUDGET_BYTES = 32 * 2**20
_KNOWN_BYTES, _BLANK_BYTES = 1_000, 250

_RENDITIONS = "r/"
_QUOTE, _BARE = '"', "-bare"
_SHOWN = frozenset({MediaState.STORED, MediaState.READY, MediaState.FAILED})


@dataclass(frozen=True, slots=True)
class CdnSettings:
    """How much the edge caches, bytes."""

    cache_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """What a URL leads to, for one client.

    Attributes:
        key: of the object that is sent.
        stored: what is known of it.
        vary: headers by which another client would have got another object.
        is_final: whether the same client gets the same bytes for ever.
        is_stream: whether it is a video that the URL leads to now, and need not lead to later: a
            player that asks for one part after the other has to be told a URL of this object.
        blanks: what it is sent without.
    """

    key: str
    stored: StoredObject
    vary: tuple[str, ...] = ()
    is_final: bool = True
    is_stream: bool = False
    blanks: tuple[Blank, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of an object without reading it again."""

    stored: StoredObject
    blanks: tuple[Blank, ...] = ()


@dataclass(frozen=True, slots=True)
class _Slice:
    content: bytes
    fetched_at_s: float


@dataclass
class _Fetch:
    task: "asyncio.Task[bytes]"
    may_evict: bool


@dataclass(slots=True)
class Traffic:
    """Bytes sent to clients, and bytes fetched from object storage for that."""

    sent_bytes: int = 0
    fetched_bytes: int = 0


@dataclass(slots=True)
class Part:
    """A part of an object, ready to be sent: its first slice is there, the others follow.

    Attributes:
        head: its first bytes; all of them if it lies within one slice.
        rest: yields what follows.
        is_hit: whether all of it was in the cache when it was asked for.
        age_s: for how long its first slice has been there; 0 for a miss.
    """

    head: bytes
    rest: AsyncIterator[bytes] | None
    is_hit: bool
    age_s: float = field(default=0.0)


class Cdn:
    """An edge of the design document's CDN, in this process."""

    def __init__(
        self,
        *,
        settings: CdnSettings,
        storage: ObjectStorage,
        media: MediaStore,
        telemetry: Telemetry,
        monotonic_s: Callable[[], float],
    ) -> None:
        self.cache: EdgeCache[tuple[str, int], _Slice] = EdgeCache(
            capacity_bytes=settings.cache_bytes
        )
        self.traffic = Traffic()
        self._storage = storage
        self._media_store = media
        self._telemetry = telemetry
        self._lookups = telemetry.lookups(BOX)
        self._monotonic_s = monotonic_s
        self._media: LeasedCache[str, Media] = LeasedCache(capacity=REMEMBERED_OBJECTS)
        self._known: LeasedCache[str, _Known] = LeasedCache(
            capacity=REMEMBERED_OBJECTS, size_of=_known_bytes, budget_bytes=KNOWN_BUDGET_BYTES
        )
        self._originals = BareOriginals(storage)
        self._choices: LeasedCache[tuple[str, Client], tuple[Media, Choice]] = LeasedCache(
            capacity=REMEMBERED_OBJECTS
        )
        self._fetches: dict[tuple[str, int], _Fetch] = {}
        self._free = asyncio.Semaphore(FETCHES_AT_ONCE)

    async def find(self, key: str, client: Client, *, as_original: bool = False) -> Found:
        """Return what a client gets for a key: a rendition that fits, or the original.

        The original is sent without what it tells beside its picture. It is what everybody gets
        until there are renditions, and whoever asks for it gets.

        Raises:
            NotFoundError: if there is nothing under the key, or not yet, or not any more.
        """
        if key.startswith(_RENDITIONS):
            return Found(key, (await self._describe(key)).stored)
        media = self._media.get(key) or await self._read_media(key)
        is_video = media.kind is MediaKind.VIDEO
        if as_original or media.state is not MediaState.READY:
            known = await self._describe_original(media)
            return Found(
                key,
                known.stored,
                is_final=as_original,
                is_stream=is_video and not as_original,
                blanks=known.blanks,
            )
        chosen = self._choice(media, client)
        stored = (await self._describe(chosen.rendition.key)).stored
        return Found(chosen.rendition.key, stored, chosen.vary, is_stream=is_video)

    async def part(self, found: Found, *, first: int, last: int) -> Part:
        """Return a part of an object, both ends included; an empty object has none.

        Raises:
            NotFoundError: if the object is removed meanwhile.
        """
        numbers = range(first // SLICE_BYTES, last // SLICE_BYTES + 1)
        is_hit = all((found.key, number) in self.cache for number in numbers)
        piece, age_s = await self._slice(found, numbers[0])
        start = first - numbers[0] * SLICE_BYTES
        length = last - first + 1
        if start or length < len(piece):
            piece = piece[start : start + length]
        self.traffic.sent_bytes += len(piece)
        rest = self._rest(found, numbers[1:], last=last) if len(numbers) > 1 else None
        return Part(piece, rest, is_hit, age_s)

    def forget(self, media: Media) -> None:
        """Forget what is known of media that has changed; its slices too if it is removed."""
        self._media.drop([media.key])
        if media.state is MediaState.REMOVED:
            prefix = media.rendition_prefix
            self.cache.drop(lambda key: key[0] == media.key or key[0].startswith(prefix))
            self._known.drop([media.key, *(each.key for each in media.renditions)])

    def clear(self) -> None:
        """Lose the cache, as when its machine dies."""
        self.cache.drop(lambda _: True)

    def _choice(self, media: Media, client: Client) -> Choice:
        """Return the rendition for a client; to choose it again takes as long as all the rest."""
        chosen = self._choices.get((media.key, client))
        # Of what is known now: it is another object once the media has changed.
        if chosen is None or chosen[0] is not media:
            chosen = media, choice(media.kind, media.renditions, client)
            self._choices.put((media.key, client), chosen)
        return chosen[1]

    async def _read_media(self, key: str) -> Media:
        lease = self._media.lease()
        media = (await self._media_store.get_many([key])).get(key)
        if media is None or media.state not in _SHOWN:
            raise NotFoundError(kind="media", found=key)
        self._media.fill(key, media, lease=lease)
        return media

    async def _describe(self, key: str) -> _Known:
        known = self._known.get(key)
        if known is None:
            lease = self._known.lease()
            known = _Known(await self._head(key))
            self._known.fill(key, known, lease=lease)
        return known

    async def _describe_original(self, media: Media) -> _Known:
        known = self._known.get(media.key)
        if known is None:
            lease = self._known.lease()
            stored = await self._head(media.key)
            blanks = await self._originals.blanks(media, size_bytes=stored.size_bytes)
            # Not the object's own: whoever has the bytes as they came has others.
            etag = f"{stored.etag.removesuffix(_QUOTE)}{_BARE}{_QUOTE}"
            known = _Known(replace(stored, etag=etag), blanks)
            self._known.fill(media.key, known, lease=lease)
        return known

    async def _head(self, key: str) -> StoredObject:
        stored = await self._storage.head(key)
        if stored is None:
            raise NotFoundError(kind="media", found=key)
        return stored

    async def _rest(self, found: Found, numbers: range, *, last: int) -> AsyncIterator[bytes]:
        for number in numbers:
            piece, _ = await self._slice(found, number)
            end = last + 1 - number * SLICE_BYTES
            sent = piece if end >= len(piece) else piece[:end]
            self.traffic.sent_bytes += len(sent)
            yield sent

    async def _slice(self, found: Found, number: int) -> tuple[bytes, float]:
        """Return a slice, and for how long it has been cached."""
        place = (found.key, number)
        size_bytes = min(SLICE_BYTES, found.stored.size_bytes - number * SLICE_BYTES)
        held, was_asked = self.cache.ask(place, size_bytes=size_bytes)
        if held is not None:
            self._lookups.hits += 1
            return held.content, self._monotonic_s() - held.fetched_at_s
        self._lookups.misses += 1
        return await self._fetched(found, number, size_bytes, may_evict=was_asked), 0.0

    async def _fetched(
        self, found: Found, number: int, size_bytes: int, *, may_evict: bool
    ) -> bytes:
        """Return a slice from object storage; those who want it meanwhile share one fetch."""
        place = (found.key, number)
        fetch = self._fetches.get(place)
        if fetch is None:
            task = asyncio.create_task(self._fetch(found, number, size_bytes))
            fetch = self._fetches[place] = _Fetch(task, may_evict)
            task.add_done_callback(lambda task: self._end(place, task))
        fetch.may_evict |= may_evict
        # A client that goes away takes nothing from the others who wait.
        return await asyncio.shield(fetch.task)

    async def _fetch(self, found: Found, number: int, size_bytes: int) -> bytes:
        key, first = found.key, number * SLICE_BYTES
        place = (key, number)
        async with self._free:
            with self._telemetry.span("object_storage"):
                parts = self._storage.read(key, first=first, last=first + size_bytes - 1)
                content = b"".join([part async for part in parts])
        if len(content) != size_bytes:
            raise StorageError(reason=f"{key} is shorter than it was")
        self.traffic.fetched_bytes += size_bytes
        content = blanked(content, found.blanks, first_byte=first)
        self.cache.keep(
            place,
            _Slice(content, self._monotonic_s()),
            size_bytes=size_bytes,
            may_evict=self._fetches[place].may_evict,
        )
        return content

    def _end(self, place: tuple[str, int], task: "asyncio.Task[bytes]") -> None:
        del self._fetches[place]
        if not task.cancelled():
            # Seen here, too: all clients that waited may have gone.
            task.exception()


def _known_bytes(known: _Known) -> int:
    return _KNOWN_BYTES + len(known.blanks) * _BLANK_BYTES


def gauges(cdn: Cdn) -> Mapping[str, Callable[[], float]]:
    """Return what is told of the cdn beside hits and misses, by the names of metrics."""
    return {
        "socialfeed_cdn_cached_bytes": lambda: cdn.cache.held_bytes,
        "socialfeed_cdn_capacity_bytes": lambda: cdn.cache.capacity_bytes,
        "socialfeed_cdn_cached_slices": lambda: len(cdn.cache),
        "socialfeed_cdn_evictions_total": lambda: cdn.cache.evictions,
        "socialfeed_cdn_sent_bytes_total": lambda: cdn.traffic.sent_bytes,
        "socialfeed_cdn_fetched_bytes_total": lambda: cdn.traffic.fetched_bytes,
    }

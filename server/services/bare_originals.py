"""What the originals of uploads are sent without, looked up once for each that is shown."""

import asyncio

from server.errors import NotFoundError
from server.model.media import Media
from server.model.metadata import Blank, Search, UntellableError, Wanted, search
from server.ports.object_storage import ObjectStorage

# Each has an image's file in memory.
SEARCHES_AT_ONCE = 4
# What is read at least, so that many small pieces that lie near are one read.
WINDOW_BYTES = 65_536


class BareOriginals:
    """Searches originals for metadata; those who want the same one share a search."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage
        self._searches: dict[str, asyncio.Task[tuple[Blank, ...]]] = {}
        self._free = asyncio.Semaphore(SEARCHES_AT_ONCE)

    async def blanks(self, media: Media, *, size_bytes: int) -> tuple[Blank, ...]:
        """Return what an original that is stored is to be sent without.

        Raises:
            NotFoundError: if nobody can tell; it is then not to be sent at all.
        """
        task = self._searches.get(media.key)
        if task is None:
            task = asyncio.create_task(self._search(media, size_bytes))
            self._searches[media.key] = task
            task.add_done_callback(lambda task: self._end(media.key, task))
        # A client that goes away takes nothing from the others who wait.
        return await asyncio.shield(task)

    async def _search(self, media: Media, size_bytes: int) -> tuple[Blank, ...]:
        async with self._free:
            try:
                found = await self._run(media.key, search(media.content_type, size_bytes))
            except UntellableError as error:
                raise NotFoundError(kind="media fit to be shown", found=media.key) from error
        return tuple(sorted(found, key=lambda blank: blank.first_byte))

    async def _run(self, key: str, searching: Search) -> list[Blank]:
        held, first = b"", 0
        part: bytes | None = None
        # In threads: a picture's file is gone through byte by byte.
        while isinstance(wanted := await asyncio.to_thread(_step, searching, part), Wanted):
            start = wanted.first_byte - first
            if start < 0 or start + wanted.size_bytes > len(held):
                first, start = wanted.first_byte, 0
                held = await self._read(key, first, max(wanted.size_bytes, WINDOW_BYTES))
            part = held[start : start + wanted.size_bytes]
        return wanted

    async def _read(self, key: str, first: int, size_bytes: int) -> bytes:
        parts = self._storage.read(key, first=first, last=first + size_bytes - 1)
        return b"".join([part async for part in parts])

    def _end(self, key: str, task: "asyncio.Task[tuple[Blank, ...]]") -> None:
        del self._searches[key]
        if not task.cancelled():
            # Seen here, too: all clients that waited may have gone.
            task.exception()


def _step(searching: Search, part: bytes | None) -> Wanted | list[Blank]:
    """Go on with a search; returns what it wants to see, or what it has found."""
    try:
        return next(searching) if part is None else searching.send(part)
    except StopIteration as end:
        found: list[Blank] = end.value
        return found

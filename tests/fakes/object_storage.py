"""Object storage that counts what it is asked for, and can be held up or fail on command."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from server.errors import NotFoundError, StorageError
from server.ports.object_storage import PresignedPut, StoredObject


class CountingStorage:
    """Keeps the port `ObjectStorage` for what a cdn and a media processor need of it.

    Attributes:
        objects: content and type by key.
        reads: the keys that were read, in order.
        open: reads wait until it is set.
        fails: reads fail while it is true.
    """

    def __init__(self, objects: dict[str, tuple[bytes, str]]) -> None:
        self.objects = dict(objects)
        self.reads: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fails = False

    def presigned_put(
        self, key: str, *, content_type: str, size_bytes: int, expires_s: int, site_url: str
    ) -> PresignedPut:
        raise NotImplementedError

    async def head(self, key: str) -> StoredObject | None:
        if key not in self.objects:
            return None
        content, content_type = self.objects[key]
        return StoredObject(len(content), content_type, f'"{key}"', modified_at_s=0)

    async def read(
        self, key: str, *, first: int = 0, last: int | None = None
    ) -> AsyncIterator[bytes]:
        if key not in self.objects:
            raise NotFoundError(kind="object", found=key)
        self.reads.append(key)
        await self.open.wait()
        if self.fails:
            raise StorageError(reason="told to fail")
        content = self.objects[key][0][first : None if last is None else last + 1]
        for place in range(0, len(content), 1_000):
            yield content[place : place + 1_000]

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        if self.fails:
            raise StorageError(reason="told to fail")
        content = await asyncio.to_thread(path.read_bytes)
        self.objects[key] = content, content_type

    async def download(self, key: str, path: Path) -> None:
        if self.fails:
            raise StorageError(reason="told to fail")
        if key not in self.objects:
            raise NotFoundError(kind="object", found=key)
        await asyncio.to_thread(path.write_bytes, self.objects[key][0])

    async def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    async def delete_under(self, prefix: str) -> None:
        await self.delete([key for key in self.objects if key.startswith(prefix)])

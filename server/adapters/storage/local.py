"""Object storage in a folder: each object is one file, which is there whole or not at all.

Behind an object's bytes its file has a footer with what `head` tells, so that one rename makes both
visible. A file is written under another name, brought to disk, and renamed.
"""

import asyncio
import hashlib
import json
import os
import re
import shutil
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from io import FileIO
from itertools import count
from pathlib import Path
from typing import BinaryIO, TypeVar

from server.adapters.storage.presigning import Presigner
from server.errors import NotFoundError, ObjectExistsError, StorageError
from server.ports.object_storage import PresignedPut, StoredObject

# A trip to a thread costs as much as copying so many bytes; a smaller object is one trip.
CHUNK_BYTES = 262_144
LARGEST_KEY = 512
# The disk is the bottleneck; more would only queue there.
THREADS = 4

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)
# No key has one, so that no object's file is where another needs a folder.
_FILE_SUFFIX = ","
_FOOTER = struct.Struct(">I4s")
_FOOTER_MARK = b"sfo1"

T = TypeVar("T")


def is_key(text: str) -> bool:
    """Whether an object can have this key."""
    return len(text) <= LARGEST_KEY and _KEY.fullmatch(text) is not None


class LocalStorage:
    """Keeps the port `EmbeddedStorage`, in a folder that belongs to this process alone."""

    def __init__(self, folder: Path, presigner: Presigner) -> None:
        self._presigner = presigner
        self._objects = folder / presigner.bucket
        self._unfinished = folder / "unfinished"
        # What a process that died has left.
        shutil.rmtree(self._unfinished, ignore_errors=True)
        for each in (folder, self._objects, self._unfinished):
            each.mkdir(mode=0o700, exist_ok=True)
        self._numbers = count()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="object_storage")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    def presigned_put(
        self, key: str, *, content_type: str, size_bytes: int, expires_s: int, site_url: str
    ) -> PresignedPut:
        """Return a request that puts exactly so many bytes of that type there."""
        return self._presigner.put(
            key,
            content_type=content_type,
            size_bytes=size_bytes,
            expires_s=expires_s,
            site_url=site_url,
        )

    async def head(self, key: str) -> StoredObject | None:
        """Return what is known of an object, or None if there is none."""
        path = self._path(key)

        def work() -> StoredObject | None:
            try:
                with path.open("rb") as file:
                    return _described(file)
            except (FileNotFoundError, NotADirectoryError):
                return None

        return await self._run(work)

    async def read(
        self, key: str, *, first: int = 0, last: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield an object's bytes from `first` to `last`, both included; None is the end."""
        file = await self._run(lambda: self._opened(key))
        try:
            size_bytes = (await self._run(lambda: _described(file))).size_bytes
            left = (size_bytes if last is None else min(last + 1, size_bytes)) - first
            await self._run(lambda: file.seek(first))
            while left > 0:
                want = min(left, CHUNK_BYTES)
                data = await self._run(partial(file.read, want))
                left -= len(data)
                yield data
        finally:
            file.close()

    async def put_file(self, key: str, path: Path, *, content_type: str) -> StoredObject:
        """Store a file's content, in place of what was there."""

        def work(incoming: _Incoming) -> None:
            with path.open("rb") as source:
                while data := source.read(CHUNK_BYTES):
                    incoming.append(data)

        async with self.receive(key) as incoming:
            await self._run(lambda: work(incoming))
            return await incoming.keep(content_type=content_type, replaces=True)

    async def download(self, key: str, path: Path) -> None:
        """Write an object's content to a file."""

        def work() -> None:
            with self._opened(key) as source, path.open("wb") as target:
                size_bytes = _described(source).size_bytes
                source.seek(0)
                shutil.copyfileobj(source, target, CHUNK_BYTES)
                target.truncate(size_bytes)

        await self._run(work)

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, no matter whether they are there."""
        paths = [self._path(key) for key in keys]

        def work() -> None:
            for path in paths:
                path.unlink(missing_ok=True)
            for folder in {path.parent for path in paths}:
                _sync_folder(folder)

        await self._run(work)

    async def delete_under(self, prefix: str) -> None:
        """Delete all objects whose keys start with a prefix that ends in a slash."""
        name = prefix.rstrip("/")
        if not is_key(name):
            return
        folder = self._objects / name

        def work() -> None:
            if folder.exists():
                shutil.rmtree(folder)
                _sync_folder(folder.parent)

        await self._run(work)

    @asynccontextmanager
    async def receive(self, key: str) -> AsyncIterator["_Incoming"]:
        """Yield an object that comes in; nothing is left of it unless it is kept."""
        target = self._path(key)
        incoming = _Incoming(
            self._unfinished / str(next(self._numbers)), target, key=key, run=self._run
        )
        try:
            yield incoming
        finally:
            await self._run(incoming.discard)

    def _path(self, key: str) -> Path:
        if not is_key(key):
            raise NotFoundError(kind="object", found=key)
        return self._objects / (key + _FILE_SUFFIX)

    def _opened(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFoundError(kind="object", found=key) from error

    async def _run(self, work: Callable[[], T]) -> T:
        """Do the work in a thread; also when cancelled, it is over when this ends."""
        done = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            raise
        except OSError as error:
            raise StorageError(reason=error.strerror or str(error)) from error


class _Incoming:
    """An object that comes in, as a file under another name."""

    def __init__(
        self,
        path: Path,
        target: Path,
        *,
        key: str,
        run: Callable[[Callable[[], None]], Awaitable[None]],
    ) -> None:
        self._path = path
        self._target = target
        self._key = key
        self._run = run
        self._file: FileIO | None = None
        self._waiting = bytearray()
        self._digest = hashlib.md5(usedforsecurity=False)
        self._size_bytes = 0

    async def write(self, data: bytes) -> None:
        """Add bytes."""
        self._waiting += data
        if len(self._waiting) >= CHUNK_BYTES:
            waiting, self._waiting = bytes(self._waiting), bytearray()
            await self._run(lambda: self.append(waiting))

    async def keep(self, *, content_type: str, replaces: bool) -> StoredObject:
        """Make it an object, whole and on disk."""
        await self._run(lambda: self._finish(content_type, replaces=replaces))
        return self._described(content_type)

    def append(self, data: bytes) -> None:
        """Add bytes to the file."""
        if self._file is None:
            descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            # Without a buffer, whose rest `close` would try to write to a disk that is full.
            self._file = FileIO(descriptor, "wb")
        _write(self._file, data)
        self._digest.update(data)
        self._size_bytes += len(data)

    def discard(self) -> None:
        """Leave nothing, if it was not kept."""
        if self._file:
            self._file.close()
            self._path.unlink(missing_ok=True)

    def _finish(self, content_type: str, *, replaces: bool) -> None:
        self.append(bytes(self._waiting))
        assert self._file is not None  # noqa: S101 - for the type checker
        _write(self._file, _footer(self._described(content_type)))
        os.fsync(self._file.fileno())
        with _synced_folder(self._target.parent):
            if replaces:
                self._path.replace(self._target)
            else:
                try:
                    self._target.hardlink_to(self._path)
                except FileExistsError as error:
                    raise ObjectExistsError(key=self._key) from error

    def _described(self, content_type: str) -> StoredObject:
        return StoredObject(self._size_bytes, content_type, f'"{self._digest.hexdigest()}"')


def _write(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _footer(stored: StoredObject) -> bytes:
    text = json.dumps({"type": stored.content_type, "etag": stored.etag}).encode()
    return text + _FOOTER.pack(len(text), _FOOTER_MARK)


def _described(file: BinaryIO) -> StoredObject:
    """Return what the footer of an open file tells."""
    end = file.seek(-_FOOTER.size, os.SEEK_END)
    length, mark = _FOOTER.unpack(file.read(_FOOTER.size))
    if mark != _FOOTER_MARK or length > end:
        raise StorageError(reason=f"{Path(file.name).name} is no object's file")
    file.seek(end - length)
    footer = json.loads(file.read(length))
    return StoredObject(end - length, footer["type"], footer["etag"])


@contextmanager
def _synced_folder(folder: Path) -> Iterator[None]:
    """Make a folder, and bring it to disk with what is put into it."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    yield
    for each in (folder, *(made.parent for made in missing)):
        _sync_folder(each)


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

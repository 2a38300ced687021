"""Object storage in a folder: each object is one file, which is there whole or not at all.

Behind an object's bytes its file has a footer with what `head` tells, so that one rename makes both
visible. A file is written under another name, brought to disk, and renamed.
"""

import asyncio
import hashlib
import json
import os
import shutil
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from io import FileIO
from itertools import count, takewhile
from pathlib import Path
from threading import Lock
from typing import BinaryIO, TypeVar

from server.adapters.storage.presigning import Presigner
from server.errors import DamagedObjectError, NotFoundError, ObjectExistsError, StorageError
from server.model.media import is_key
from server.ports.object_storage import PresignedPut, StoredObject

# A trip to a thread costs as much as copying so many bytes; a smaller object is one trip.
CHUNK_BYTES = 262_144
# The disk is the bottleneck; more would only queue there.
THREADS = 4

# No key has one, so that no object's file is where another needs a folder.
_FILE_SUFFIX = ","
_FOOTER = struct.Struct(">I4s")
_FOOTER_MARK = b"sfo1"

T = TypeVar("T")


class LocalStorage:
    """Keeps the port `EmbeddedStorage`, in a folder that belongs to this process alone."""

    def __init__(self, folder: Path, presigner: Presigner) -> None:
        self._presigner = presigner
        self._objects = folder / presigner.bucket
        self._unfinished = folder / "unfinished"
        self._folders = _Folders()
        _clear(self._unfinished)
        for each in (folder, self._objects, self._unfinished):
            self._folders.make(each)
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
                if not data:
                    raise DamagedObjectError(name=Path(file.name).name)
                left -= len(data)
                yield data
        finally:
            file.close()

    async def put_file(self, key: str, path: Path, *, content_type: str) -> None:
        """Store a file's content, in place of what was there."""

        def work(incoming: _Incoming) -> None:
            with path.open("rb") as source:
                while data := source.read(CHUNK_BYTES):
                    incoming.append(data)

        async with self.receive(key) as incoming:
            await self._run(lambda: work(incoming))
            await incoming.keep(content_type=content_type, replaces=True)

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
        path = self._unfinished / str(next(self._numbers))
        place = _Place(key, self._path(key), self._folders)
        incoming = _Incoming(path, place, run=self._run)
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


class _Folders:
    """Makes folders, each on disk before anything in it is confirmed."""

    def __init__(self) -> None:
        self._lock = Lock()

    def make(self, folder: Path) -> None:
        """Make a folder with those that it is in, where they are missing."""
        # Whoever finds a folder there finds it on disk: until then its maker has the lock.
        with self._lock:
            missing = list(takewhile(lambda each: not each.exists(), (folder, *folder.parents)))
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for each in missing:
                _sync_folder(each.parent)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an object goes."""

    key: str
    path: Path
    folders: _Folders


class _Incoming:
    """An object that comes in, as a file under another name."""

    def __init__(
        self, path: Path, place: _Place, *, run: Callable[[Callable[[], None]], Awaitable[None]]
    ) -> None:
        self._path = path
        self._place = place
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
        target = self._place.path
        self._place.folders.make(target.parent)
        if replaces:
            self._path.replace(target)
        else:
            try:
                target.hardlink_to(self._path)
            except FileExistsError as error:
                raise ObjectExistsError(key=self._place.key) from error
        _sync_folder(target.parent)

    def _described(self, content_type: str) -> StoredObject:
        assert self._file is not None  # noqa: S101 - for the type checker
        etag = f'"{self._digest.hexdigest()}"'
        return StoredObject(self._size_bytes, content_type, etag, _modified_at_s(self._file))


def _write(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _footer(stored: StoredObject) -> bytes:
    text = json.dumps({"type": stored.content_type, "etag": stored.etag}).encode()
    return text + _FOOTER.pack(len(text), _FOOTER_MARK)


def _described(file: BinaryIO) -> StoredObject:
    """Return what the footer of an open file tells.

    Raises:
        DamagedObjectError: if it has none.
    """
    size_bytes = file.seek(0, os.SEEK_END)
    end = file.seek(max(0, size_bytes - _FOOTER.size))
    try:
        length, mark = _FOOTER.unpack(file.read(_FOOTER.size))
        if mark != _FOOTER_MARK or length > end:
            raise DamagedObjectError(name=Path(file.name).name)
        file.seek(end - length)
        footer = json.loads(file.read(length))
        return StoredObject(end - length, footer["type"], footer["etag"], _modified_at_s(file))
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise DamagedObjectError(name=Path(file.name).name) from error


def _modified_at_s(file: BinaryIO | FileIO) -> int:
    return int(os.fstat(file.fileno()).st_mtime)


def _clear(unfinished: Path) -> None:
    """Remove what a process that died has left."""
    if unfinished.exists() and any(unfinished.iterdir()):
        # It may have died after it made a folder and before that was on disk.
        os.sync()
    # What stays takes room, and is tried again at the next start.
    shutil.rmtree(unfinished, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return  # Nothing was ever put there, so there is nothing to have on disk.
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

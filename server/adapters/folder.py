"""The data folder: one process at a time, and secrets that only its owner reads."""

import errno
import fcntl
import json
import os
import shutil
import tempfile
from base64 import b32encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from server.errors import DamagedFileError, DataFolderError, FolderInUseError
from server.model.signatures import AccessKey

LOCK_NAME = "lock"
SECRET_NAME = "secret"  # noqa: S105 - the name of the file, not the secret
SECRET_BYTES = 32
ACCESS_KEY_NAME = "storage-key.json"
KEY_ID_BYTES, KEY_BYTES = 10, 25
STORAGE_NAME = "storage"
SCRATCH_NAME = "scratch"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Make the folder if it is missing, and keep it for this process.

    The lock goes with the process, however it ends.

    Raises:
        DataFolderError: if the folder cannot be made or written to.
        FolderInUseError: if another process has it.
    """
    _prepare(folder)
    with (folder / LOCK_NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUseError(folder=folder) from error
        yield


def emptied_scratch(folder: Path) -> Path:
    """Return where a folder has what is being made, without what a process that died has left."""
    scratch = folder / SCRATCH_NAME
    # What stays takes room, and is tried again at the next start: each rendering has its own place.
    shutil.rmtree(scratch, ignore_errors=True)
    return scratch


def folder_secret(folder: Path, *, random_bytes: Callable[[int], bytes]) -> bytes:
    """Return the folder's secret, made when it is first asked for; its file has mode 600.

    Raises:
        DamagedFileError: if it is no secret, or has been open to others.
    """
    path = folder / SECRET_NAME
    secret = _kept(path, lambda: random_bytes(SECRET_BYTES))
    if len(secret) != SECRET_BYTES:
        reason = f"it has {len(secret)} bytes, expected {SECRET_BYTES}"
        advice = "remove it for a new one: pages in progress then start anew"
        raise DamagedFileError(path=path, reason=reason, advice=advice)
    return secret


def folder_access_key(folder: Path, *, random_bytes: Callable[[int], bytes]) -> AccessKey:
    """Return the access key of the folder's object storage, made and kept like the secret.

    Raises:
        DamagedFileError: if it is no key, or has been open to others.
    """

    def made() -> bytes:
        document = {
            "accessKey": b32encode(random_bytes(KEY_ID_BYTES)).decode().rstrip("="),
            "secretKey": b32encode(random_bytes(KEY_BYTES)).decode().rstrip("="),
        }
        return json.dumps(document).encode()

    path = folder / ACCESS_KEY_NAME
    try:
        document = json.loads(_kept(path, made))
        return AccessKey(str(document["accessKey"]), str(document["secretKey"]))
    except (ValueError, KeyError, TypeError) as error:
        reason = "it is no access key"
        advice = "remove it for a new one: uploads in progress then start anew"
        raise DamagedFileError(path=path, reason=reason, advice=advice) from error


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return what a file has, made when it is first asked for; its mode is 600."""
    if not path.exists():
        unfinished = path.with_name(f"{path.name}.new")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    if not path.is_file():
        raise DamagedFileError(path=path, reason="it is no file", advice="remove it for a new one")
    if path.stat().st_mode & 0o077:
        advice = "make it nobody else's (chmod 600), or remove it for a new one"
        raise DamagedFileError(path=path, reason="others may read or write it", advice=advice)
    return path.read_bytes()


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError as error:
        is_dangling = folder.is_symlink() and not folder.exists()
        reason = "it is a link to nothing" if is_dangling else "it is a file"
        raise DataFolderError(folder=folder, reason=reason) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise DataFolderError(folder=folder, reason=error.strerror or str(error)) from error

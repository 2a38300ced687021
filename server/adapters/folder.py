"""The data folder: one process at a time, and secrets that only its owner reads."""

import errno
import fcntl
import json
import os
import tempfile
from base64 import b32encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from server.errors import DataFolderError, FolderInUseError
from server.model.signatures import AccessKey

LOCK_NAME = "lock"
SECRET_NAME = "secret"  # noqa: S105 - the name of the file, not the secret
SECRET_BYTES = 32
ACCESS_KEY_NAME = "storage-key.json"
KEY_ID_BYTES, KEY_BYTES = 10, 25
STORAGE_NAME = "storage"


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


def folder_secret(folder: Path, *, random_bytes: Callable[[int], bytes]) -> bytes:
    """Return the folder's secret, made when it is first asked for; its file has mode 600."""
    return _kept(folder / SECRET_NAME, lambda: random_bytes(SECRET_BYTES))


def folder_access_key(folder: Path, *, random_bytes: Callable[[int], bytes]) -> AccessKey:
    """Return the access key of the folder's object storage, made and kept like the secret."""

    def made() -> bytes:
        document = {
            "accessKey": b32encode(random_bytes(KEY_ID_BYTES)).decode().rstrip("="),
            "secretKey": b32encode(random_bytes(KEY_BYTES)).decode().rstrip("="),
        }
        return json.dumps(document).encode()

    document = json.loads(_kept(folder / ACCESS_KEY_NAME, made))
    return AccessKey(document["accessKey"], document["secretKey"])


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
    return path.read_bytes()


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError as error:
        raise DataFolderError(folder=folder, reason="it is a file") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise DataFolderError(folder=folder, reason=error.strerror or str(error)) from error

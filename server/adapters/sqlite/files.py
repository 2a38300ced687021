"""The files of databases: made for their owner only, and named when they are no databases."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.errors import DamagedFileError


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Name the file in what goes wrong with it.

    Raises:
        DamagedFileError: if it is no database, or cannot be used as one.
        OSError: if the disk is full.
    """
    try:
        yield
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise DamagedFileError(path=path, reason=str(error)) from error


def make_file(path: Path) -> None:
    """Make a database's file if it is missing: nobody but its owner can ever read it.

    Raises:
        DamagedFileError: if something else is there.
    """
    if path.exists() and not path.is_file():
        raise DamagedFileError(path=path, reason="it is no file")
    path.touch(mode=0o600)

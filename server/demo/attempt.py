"""A folder that is filled as a whole, or left as it was found."""

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.adapters.folder import (
    ACCESS_KEY_NAME,
    LOCK_NAME,
    SCRATCH_NAME,
    SECRET_NAME,
    STORAGE_NAME,
)
from server.adapters.sqlite.stores import FEEDS_FILE_NAME, FILE_NAME
from server.adapters.welcome import NAME as WELCOME_NAME
from server.errors import FolderNotEmptyError

# Where a world is made; what has this name is nobody's once its process has died.
UNFINISHED_NAME = "demo.unfinished"
_OWN_PREFIXES = (FILE_NAME, FEEDS_FILE_NAME)
_OWN_NAMES = frozenset(
    {
        ACCESS_KEY_NAME,
        LOCK_NAME,
        SCRATCH_NAME,
        SECRET_NAME,
        STORAGE_NAME,
        UNFINISHED_NAME,
        WELCOME_NAME,
    }
)
_MOST_NAMED = 3


@dataclass
class Attempt:
    """Whether a folder was filled."""

    is_done: bool = False


def names_in(folder: Path) -> Collection[str] | None:
    """Return the names of what a folder holds; None if it is not there."""
    return {entry.name for entry in folder.iterdir()} if folder.is_dir() else None


@contextmanager
def attempt(folder: Path, *, found: Collection[str] | None) -> Iterator[Attempt]:
    """Leave a folder as it was found, by `names_in`, unless the attempt is done at the end."""
    made = Attempt()
    try:
        yield made
    finally:
        if not made.is_done:
            _restore(folder, found)


def remove_unfinished(folder: Path) -> None:
    """Remove what a process that died has left."""
    # Should it stay, the next demo cannot make its own there, and says so.
    shutil.rmtree(folder / UNFINISHED_NAME, ignore_errors=True)


def expect_own_files(folder: Path) -> None:
    """Check that nothing but a server's own files is in a folder.

    Raises:
        FolderNotEmptyError: if there is.
    """
    others = sorted(name for name in names_in(folder) or () if not _is_own(name))
    if others:
        named = ", ".join(others[:_MOST_NAMED]) + (", ..." if len(others) > _MOST_NAMED else "")
        raise FolderNotEmptyError(
            folder=folder, found=f"other files ({named})", advice="expected a new folder"
        )


def _is_own(name: str) -> bool:
    return name in _OWN_NAMES or name.startswith(_OWN_PREFIXES)


def _restore(folder: Path, found: Collection[str] | None) -> None:
    for entry in folder.iterdir():
        if _is_own(entry.name) and entry.name not in (found or ()):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    if found is None and not names_in(folder):
        folder.rmdir()

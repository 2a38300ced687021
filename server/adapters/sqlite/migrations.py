"""The version of a database's schema: checked, or brought up to date."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from server.errors import NewerSchemaError, OlderSchemaError


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[str]) -> None:
    """Bring a database to the last version of its schema.

    Raises:
        NewerSchemaError: if a later version wrote it.
    """
    found = _version(connection, path, steps)
    for version in range(found, len(steps)):
        connection.executescript(
            f"BEGIN IMMEDIATE; {steps[version]}; PRAGMA user_version = {version + 1}; COMMIT"
        )


def expect_current(connection: sqlite3.Connection, path: Path, steps: Sequence[str]) -> None:
    """Check that a database has the last version of its schema.

    Raises:
        NewerSchemaError, OlderSchemaError: if another version wrote it last.
    """
    found = _version(connection, path, steps)
    if found < len(steps):
        raise OlderSchemaError(folder=path.parent, found=found, known=len(steps))


def _version(connection: sqlite3.Connection, path: Path, steps: Sequence[str]) -> int:
    """Return the version of a schema that this program knows."""
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found > len(steps):
        raise NewerSchemaError(folder=path.parent, found=found, known=len(steps))
    return found

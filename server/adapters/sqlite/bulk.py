"""Loading a whole world into an empty database, without the pace of single commits."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from server.adapters.sqlite.files import file_errors, make_file
from server.adapters.sqlite.migrations import migrate
from server.adapters.sqlite.schema import FEEDS_STEPS, STEPS
from server.adapters.sqlite.stores import FEEDS_FILE_NAME, FILE_NAME
from server.errors import FolderNotEmptyError
from server.model.feeds import Feed

# Made again after the edges are in, which is four times as fast as keeping them up to date.
_EDGE_INDEXES = ("follows_by_follower", "follows_by_followee")


class BulkLoad:
    """Writes rows in bulk; everything or nothing is there in the end."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add_users(self, users: Iterable[tuple[int, str, int, int]]) -> None:
        """Add users: id, name, number of followers and of followees."""
        self._connection.executemany(
            "INSERT INTO users (user_id, name, followers, followees) VALUES (?, ?, ?, ?)", users
        )

    def add_tokens(self, tokens: Iterable[tuple[bytes, int, int]]) -> None:
        """Add tokens: digest, user, and when it expires (ms)."""
        self._connection.executemany(
            "INSERT INTO tokens (digest, user_id, expires_at_ms) VALUES (?, ?, ?)", tokens
        )

    def add_edges(self, edges: Iterable[tuple[int, int, int]]) -> None:
        """Add edges: follower, followee, id; best in order of follower and followee.

        They are settled: there are no feeds yet, and each is built whole when it is first read.
        """
        self._connection.executemany(
            "INSERT INTO follows (follower_id, followee_id, edge_id, is_settled)"
            " VALUES (?, ?, ?, 1)",
            edges,
        )

    def add_posts(self, posts: Iterable[tuple[int, int, str]]) -> None:
        """Add text posts: id, author, text; best in order of id."""
        self._connection.executemany(
            "INSERT INTO posts (post_id, author_id, text, hashtags) VALUES (?, ?, ?, '[]')", posts
        )

    def mark_pulled(self, author_ids: Iterable[int]) -> None:
        """Note the authors whose posts are in no feed."""
        self._connection.executemany(
            "INSERT INTO pulled_authors (author_id) VALUES (?)",
            ((author_id,) for author_id in author_ids),
        )

    def end(self, *, last_id: int) -> None:
        """Note the last id that was made."""
        self._connection.execute(
            "UPDATE settings SET value = ? WHERE name = 'last_id'", (str(last_id),)
        )


@contextmanager
def loading(folder: Path) -> Iterator[BulkLoad]:
    """Open a folder's database to load it; what is loaded is there when the context ends.

    Raises:
        FolderNotEmptyError: if there are users already.
        NewerSchemaError: if a later version wrote it.
        DamagedFileError: if it is no database.
    """
    path = folder / FILE_NAME
    make_file(path)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        with file_errors(path):
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            migrate(connection, path, STEPS)
        if connection.execute("SELECT 1 FROM users LIMIT 1").fetchone():
            raise FolderNotEmptyError(folder=folder)
        connection.execute("BEGIN IMMEDIATE")
        indexes = _drop_indexes(connection, _EDGE_INDEXES)
        yield BulkLoad(connection)
        for statement in indexes:
            connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        # Rolls back what is not committed.
        connection.close()


def load_feeds(
    folder: Path, feeds: Iterable[tuple[int, Feed]], *, design: str, now_ms: int
) -> None:
    """Write feeds as this design fills them, each with its user, as if read just now.

    All or none are there in the end. Without them, each is built when it is first read.
    """
    path = folder / FEEDS_FILE_NAME
    make_file(path)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        migrate(connection, path, FEEDS_STEPS)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO feeds (user_id, floor, read_at_ms, entries) VALUES (?, ?, ?, ?)",
            ((user_id, feed.floor, now_ms, feed.packed) for user_id, feed in feeds),
        )
        connection.execute("REPLACE INTO settings VALUES ('design', ?)", (design,))
        connection.execute("COMMIT")
    finally:
        connection.close()


def _drop_indexes(connection: sqlite3.Connection, names: Sequence[str]) -> Sequence[str]:
    """Drop indexes; returns the statements that make them again."""
    statements = []
    for name in names:
        row = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,))
        statements.append(str(row.fetchone()[0]))
        connection.execute(f"DROP INDEX {name}")
    return statements

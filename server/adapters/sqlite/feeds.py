"""Feeds db in SQLite: each feed a sorted, packed body and a short unsorted tail.

What is pushed is appended to the tail, a few bytes in a small row. A tail of 64 entries is merged
into the body: duplicates go, the cap is kept, the floor rises to the newest entry cut off. One row
for each entry would cost a commit of 100 posts 20,000 rows in a tree of billions.
"""

import sqlite3
from collections.abc import Mapping, Sequence

from server.adapters.sqlite.database import Database, Transaction
from server.model.feeds import Feed, packed, unpacked
from server.model.records import FeedEntry

BOX = "feeds_db"
# Tails merged after one push, so that a push to very many feeds does not hold the writer long.
MERGES_A_PUSH = 500


class SqliteFeeds:
    """Keeps the port `Feeds`, with at most `cap` entries a feed."""

    def __init__(self, database: Database, *, cap: int) -> None:
        self._database = database
        self._cap = cap

    async def get(self, user_id: int) -> Feed | None:
        """Return a user's feed, or None if it has to be built."""

        def work(connection: sqlite3.Connection) -> Feed | None:
            return _read(connection, user_id, cap=self._cap)

        return await self._database.read(BOX, work)

    async def create(self, user_id: int, *, floor: int, now_ms: int) -> None:
        """Make an empty feed that is pushed to from now on, unless there is a feed."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "INSERT OR IGNORE INTO feeds (user_id, floor, read_at_ms) VALUES (?, ?, ?)",
                (user_id, floor, now_ms),
            )

        await self._database.write(BOX, work)

    async def push(self, entries: Mapping[int, Sequence[FeedEntry]]) -> None:
        """Add entries, by user, to those of the feeds that exist."""
        tails = [(packed(of_user), user_id) for user_id, of_user in entries.items()]

        def work(transaction: Transaction) -> None:
            connection = transaction.connection
            connection.executemany(
                "UPDATE feeds SET tail = CAST(tail || ? AS BLOB) WHERE user_id = ?", tails
            )
            long = connection.execute(
                "SELECT user_id FROM feeds INDEXED BY feeds_with_long_tails"
                " WHERE length(tail) > 1024 LIMIT ?",
                (MERGES_A_PUSH,),
            ).fetchall()
            for (user_id,) in long:
                feed = _read(connection, user_id, cap=self._cap)
                if feed is not None:
                    _write(connection, user_id, feed)

        await self._database.write(BOX, work)

    async def merge(self, user_id: int, entries: Sequence[FeedEntry], *, floor: int) -> None:
        """Merge entries into a feed if it exists; see `Feed.merged`."""

        def work(transaction: Transaction) -> None:
            feed = _read(transaction.connection, user_id, cap=self._cap)
            if feed is not None:
                merged = feed.merged(entries, floor=floor, cap=self._cap)
                _write(transaction.connection, user_id, merged)

        await self._database.write(BOX, work)

    async def remove_author(self, user_id: int, author_id: int) -> None:
        """Take an author's posts out of a feed."""

        def work(transaction: Transaction) -> None:
            feed = _read(transaction.connection, user_id, cap=self._cap)
            if feed is not None:
                _write(transaction.connection, user_id, feed.without_author(author_id))

        await self._database.write(BOX, work)

    async def touch(self, user_id: int, *, now_ms: int) -> None:
        """Note that a feed was read."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "UPDATE feeds SET read_at_ms = ? WHERE user_id = ?", (now_ms, user_id)
            )

        await self._database.write(BOX, work)

    async def drop(self, *, read_before_ms: int) -> int:
        """Drop the feeds of users who are away: not read since a time; how many."""

        def work(transaction: Transaction) -> int:
            connection = transaction.connection
            connection.execute(
                "DELETE FROM feed_bodies WHERE user_id IN"
                " (SELECT user_id FROM feeds WHERE read_at_ms < ?)",
                (read_before_ms,),
            )
            dropped = connection.execute(
                "DELETE FROM feeds WHERE read_at_ms < ?", (read_before_ms,)
            )
            return dropped.rowcount

        return await self._database.write(BOX, work)

    async def reset(self, design: str) -> None:
        """Drop all feeds and marks of pulled authors, unless they were made by this design."""

        def work(transaction: Transaction) -> None:
            connection = transaction.connection
            found = connection.execute(
                "SELECT value FROM settings WHERE name = 'design'"
            ).fetchone()
            if found == (design,):
                return
            for statement in (
                "DELETE FROM feed_bodies",
                "DELETE FROM feeds",
                "DELETE FROM pulled_authors",
            ):
                connection.execute(statement)
            connection.execute("REPLACE INTO settings VALUES ('design', ?)", (design,))

        await self._database.write(BOX, work)


def _read(connection: sqlite3.Connection, user_id: int, *, cap: int) -> Feed | None:
    row = connection.execute(
        "SELECT floor, entries, tail FROM feeds LEFT JOIN feed_bodies USING (user_id)"
        " WHERE user_id = ?",
        (user_id,),
    ).fetchone()
    if row is None:
        return None
    floor, body, tail = row
    return Feed(floor, body or b"").with_new(unpacked(tail), cap=cap)


def _write(connection: sqlite3.Connection, user_id: int, feed: Feed) -> None:
    connection.execute("REPLACE INTO feed_bodies VALUES (?, ?)", (user_id, feed.packed))
    connection.execute(
        "UPDATE feeds SET floor = ?, tail = x'' WHERE user_id = ?", (feed.floor, user_id)
    )

"""Feeds db in SQLite, in a file of its own: a sorted, packed feed for each user, and tails.

A feed is one row: its entries packed, newest first, capped. What is pushed goes to a tail that many
users share (`feed_tails`), so that a post costs its followers' 24 bytes each and hardly any rows; a
full tail is merged into the feeds of its users. A read is the row and what the tail has for the
user. One row for each entry would cost a commit of 100 posts 20,000 rows in a tree of billions.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import orjson

from server.adapters.sqlite.database import PURGED_AT_ONCE, Database
from server.adapters.sqlite.feed_tails import FeedTails, backfilled, fanned_out
from server.adapters.sqlite.transactions import Transaction
from server.model.feeds import ENTRY_BYTES, Backfill, FanOut, Feed, chunks, unpacked
from server.model.records import FeedEntry, Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BOX = "feeds_db"
# Numpy keeps the interpreter while it puts so many in order, for up to a millisecond.
APPENDED_AT_ONCE = 10_000
OWNERS_AT_ONCE = 10_000


class SqliteFeeds:
    """Keeps the port `Feeds`, with at most `cap` entries a feed."""

    def __init__(self, database: Database, *, cap: int) -> None:
        self._database = database
        self._cap = cap
        self._tails = FeedTails()
        # Who has a feed: only they are pushed to. None until it is read. The writer's thread alone
        # works with it, and with the tails.
        self._owners: set[int] | None = None

    async def get(self, user_id: int) -> Feed | None:
        """Return a user's feed, or None if it has to be built."""

        def work(connection: sqlite3.Connection) -> Feed | None:
            return self._whole(connection, user_id)

        return await self._database.read(BOX, work)

    async def floors(self, user_ids: Iterable[int]) -> Mapping[int, int]:
        """Return the floors of those of the users' feeds that exist, by user."""
        users = json.dumps(list(user_ids))

        def work(connection: sqlite3.Connection) -> Mapping[int, int]:
            # Of the rows alone: what a tail would have trimmed off is there until it is merged.
            (text,) = connection.execute(
                "SELECT json_group_array(json_array(user_id, floor)) FROM feeds"
                " WHERE user_id IN (SELECT value FROM json_each(?))",
                (users,),
            ).fetchone()
            return dict(json.loads(text))

        return await self._database.read(BOX, work)

    async def create(self, user_id: int, *, floor: int, now_ms: int) -> None:
        """Make an empty feed that is pushed to from now on, unless there is a feed."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "INSERT OR IGNORE INTO feeds (user_id, floor, read_at_ms) VALUES (?, ?, ?)",
                (user_id, floor, now_ms),
            )
            self._owners_in(transaction).add(user_id)

        await self._database.write(BOX, work)

    async def push(self, fan_outs: Sequence[FanOut]) -> None:
        """Add posts to those of their followers' feeds that exist."""

        def work(transaction: Transaction) -> None:
            owners = self._owners_in(transaction)
            for chunk in chunks(fan_outs, entries=APPENDED_AT_ONCE):
                self._append(transaction, fanned_out(chunk, only_to=owners))

        await self._database.write(BOX, work)

    async def backfill(self, backfills: Sequence[Backfill]) -> None:
        """Add posts of new followees to those of their followers' feeds that exist.

        They are pushed as new posts are, so that no feed has to be read and written for them.
        """

        def work(transaction: Transaction) -> None:
            owners = self._owners_in(transaction)
            self._append(transaction, backfilled(backfills, only_to=owners))

        await self._database.write(BOX, work)

    async def merge(self, user_id: int, entries: Sequence[FeedEntry], *, floor: int) -> None:
        """Merge entries into a feed if it exists; see `Feed.merged`."""

        def work(transaction: Transaction) -> None:
            # With its tail: `floor` is below all that `get` returns, whose floor the row alone may
            # not have reached.
            feed = self._whole(transaction.connection, user_id)
            if feed is not None:
                merged = feed.merged(entries, floor=floor, cap=self._cap)
                _store(transaction.connection, {user_id: merged})

        await self._database.write(BOX, work)

    async def remove_authors(self, pairs: Iterable[Pair]) -> None:
        """Take the posts of former followees out of their followers' feeds."""
        authors: dict[int, set[int]] = defaultdict(set)
        for follower_id, followee_id in pairs:
            authors[follower_id].add(followee_id)

        def work(transaction: Transaction) -> None:
            feeds = _stored(transaction.connection, authors)
            _store(
                transaction.connection,
                {
                    user_id: feed.without_authors(authors[user_id])
                    for user_id, feed in feeds.items()
                },
            )
            self._tails.remove(transaction.connection, authors)

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
            rows = transaction.connection.execute(
                "DELETE FROM feeds WHERE user_id IN"
                " (SELECT user_id FROM feeds WHERE read_at_ms < ? LIMIT ?) RETURNING user_id",
                (read_before_ms, PURGED_AT_ONCE),
            )
            dropped = [user_id for (user_id,) in rows]
            self._owners_in(transaction).difference_update(dropped)
            return len(dropped)

        return await self._database.purge(BOX, work)

    async def design(self) -> str | None:
        """Return the design that the feeds were made by."""

        def work(connection: sqlite3.Connection) -> str | None:
            found = connection.execute("SELECT value FROM settings WHERE name = 'design'")
            return next((str(value) for (value,) in found), None)

        return await self._database.read(BOX, work)

    async def reset(self, design: str) -> None:
        """Drop all feeds: those that follow are made by this design."""

        def work(transaction: Transaction) -> None:
            connection = transaction.connection
            connection.execute("DELETE FROM feeds")
            self._tails.clear(connection)
            connection.execute("REPLACE INTO settings VALUES ('design', ?)", (design,))
            self._forget()

        await self._database.write(BOX, work)

    def _append(self, transaction: Transaction, records: "NDArray[np.void]") -> None:
        connection = transaction.connection
        self._tails.append(connection, records)
        for bucket in self._tails.full(connection):
            self._merge_tails(connection, self._tails.take(connection, bucket))

    def _whole(self, connection: sqlite3.Connection, user_id: int) -> Feed | None:
        """Return a feed with what its tail has for the user."""
        feed = _stored(connection, [user_id]).get(user_id)
        if feed is None:
            return None
        tail = self._tails.of_user(connection, user_id)
        return feed.with_new(unpacked(tail), cap=self._cap)

    def _owners_in(self, transaction: Transaction) -> set[int]:
        # What is read or changed now is wrong if this is rolled back.
        transaction.undo.add(self._forget)
        if self._owners is None:
            self._owners = _owners(transaction.connection)
        return self._owners

    def _forget(self) -> None:
        self._owners = None
        self._tails.forget()

    def _merge_tails(self, connection: sqlite3.Connection, tails: Mapping[int, bytes]) -> None:
        feeds = _stored(connection, tails)
        _store(
            connection,
            {
                user_id: feed.with_newer(tails[user_id], cap=self._cap)
                for user_id, feed in feeds.items()
            },
        )


def _owners(connection: sqlite3.Connection) -> set[int]:
    owners: set[int] = set()
    last: int | None = -1
    while last is not None:
        # Rows of JSON: each row fetched would wait for the interpreter, all at once would keep it.
        text, last = connection.execute(
            "SELECT json_group_array(user_id), max(user_id) FROM"
            " (SELECT user_id FROM feeds WHERE user_id > ? ORDER BY user_id LIMIT ?)",
            (last, OWNERS_AT_ONCE),
        ).fetchone()
        owners.update(orjson.loads(text))
    return owners


def _stored(connection: sqlite3.Connection, user_ids: Iterable[int]) -> Mapping[int, Feed]:
    """Return those of the users' feeds that exist, without their tails."""
    rows = connection.execute(
        "SELECT user_id, floor, entries FROM feeds"
        " WHERE user_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(user_ids)),),
    )
    return {user_id: Feed(floor, entries) for user_id, floor, entries in rows}


def _store(connection: sqlite3.Connection, feeds: Mapping[int, Feed]) -> None:
    """Write feeds that exist, in one statement: see `FeedTails.append`."""
    starts = []
    start = 1
    for user_id, feed in feeds.items():
        starts.append([user_id, feed.floor, start, len(feed) * ENTRY_BYTES])
        start += len(feed) * ENTRY_BYTES
    connection.execute(
        "UPDATE feeds SET floor = new.value ->> 1,"
        # SQLite's substr of nothing is NULL.
        " entries = coalesce(substr(?, new.value ->> 2, new.value ->> 3), x'')"
        " FROM json_each(?) AS new WHERE feeds.user_id = new.value ->> 0",
        (b"".join(feed.packed for feed in feeds.values()), json.dumps(starts)),
    )

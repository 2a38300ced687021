"""All stores in one SQLite file."""

import sqlite3

from server.adapters.sqlite.database import Database
from server.adapters.sqlite.feeds import SqliteFeeds
from server.adapters.sqlite.follows import SqliteFollows
from server.adapters.sqlite.idempotency import SqliteIdempotencyKeys
from server.adapters.sqlite.notifications import SqliteNotifications
from server.adapters.sqlite.posts import SqliteCounters, SqlitePosts
from server.adapters.sqlite.queue import SqliteQueue
from server.adapters.sqlite.reactions import SqliteComments, SqliteLikes
from server.adapters.sqlite.users import SqliteUsers
from server.ports.stores import Stores


def sqlite_stores(database: Database, *, max_entries: int) -> Stores:
    """Return the stores of a database, with at most `max_entries` in a feed."""
    return Stores(
        users=SqliteUsers(database),
        posts=SqlitePosts(database),
        counters=SqliteCounters(database),
        follows=SqliteFollows(database),
        feeds=SqliteFeeds(database, cap=max_entries),
        comments=SqliteComments(database),
        likes=SqliteLikes(database),
        notifications=SqliteNotifications(database),
        messages=SqliteQueue(database),
        keys=SqliteIdempotencyKeys(database),
    )


async def last_id_in(database: Database) -> int:
    """Return the last id that was made before the database was closed, however that was."""

    def work(connection: sqlite3.Connection) -> int:
        row = connection.execute("SELECT value FROM settings WHERE name = 'last_id'").fetchone()
        return int(row[0])

    return await database.read("users_db", work)

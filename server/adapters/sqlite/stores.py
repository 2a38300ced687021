"""All stores in the two SQLite files of a data folder."""

import asyncio
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from server.adapters.sqlite.database import Database, open_database
from server.adapters.sqlite.feeds import SqliteFeeds
from server.adapters.sqlite.follows import SqliteFollows
from server.adapters.sqlite.idempotency import SqliteIdempotencyKeys
from server.adapters.sqlite.media import SqliteMedia
from server.adapters.sqlite.notifications import SqliteNotifications
from server.adapters.sqlite.posts import SqliteCounters, SqlitePosts
from server.adapters.sqlite.queue import SqliteQueue
from server.adapters.sqlite.reactions import SqliteComments, SqliteLikes
from server.adapters.sqlite.schema import FEEDS_STEPS, STEPS
from server.adapters.sqlite.users import SqliteUsers
from server.errors import DamagedFileError, StorageError
from server.ports.clock import Clock
from server.ports.stores import Stores
from server.ports.telemetry import Telemetry

FILE_NAME = "socialfeed.sqlite3"
# Feeds can be built again from the rest, and fan-out must not wait for the rest's commits.
FEEDS_FILE_NAME = "feeds.sqlite3"
# A writer and a reader of each file.
CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Databases:
    """The files of a data folder, open: of the feeds, and of all the rest."""

    main: Database
    feeds: Database

    @property
    def failure(self) -> StorageError | None:
        """Why one of them cannot be written."""
        return self.main.failure or self.feeds.failure

    async def close(self) -> None:
        """Finish what waits, and close both, also if one of them fails."""
        closed = await asyncio.gather(self.main.close(), self.feeds.close(), return_exceptions=True)
        failures = [each for each in closed if isinstance(each, Exception)]
        if failures:
            message = "a database could not be closed"
            raise ExceptionGroup(message, failures)


async def open_databases(folder: Path, *, clock: Clock, telemetry: Telemetry) -> Databases:
    """Return a data folder's databases, made or brought to this program's schema.

    Raises:
        NewerSchemaError: if a later version wrote one of them.
        DamagedFileError: if one of them is no database.
        OSError: if the disk is full.
    """
    main = await open_database(folder / FILE_NAME, steps=STEPS, clock=clock, telemetry=telemetry)
    try:
        feeds = await open_database(
            folder / FEEDS_FILE_NAME, steps=FEEDS_STEPS, clock=clock, telemetry=telemetry
        )
    except DamagedFileError as error:
        await main.close()
        advice = "remove it, and every feed is built again from the rest"
        raise DamagedFileError(path=error.path, reason=error.reason, advice=advice) from error
    except BaseException:
        await main.close()
        raise
    return Databases(main, feeds)


def sqlite_stores(databases: Databases, *, max_entries: int) -> Stores:
    """Return the stores of a data folder, with at most `max_entries` in a feed."""
    main = databases.main
    return Stores(
        users=SqliteUsers(main),
        posts=SqlitePosts(main),
        counters=SqliteCounters(main),
        follows=SqliteFollows(main),
        feeds=SqliteFeeds(databases.feeds, cap=max_entries),
        comments=SqliteComments(main),
        likes=SqliteLikes(main),
        notifications=SqliteNotifications(main),
        media=SqliteMedia(main),
        messages=SqliteQueue(main),
        keys=SqliteIdempotencyKeys(main),
    )


async def last_id_in(databases: Databases) -> int:
    """Return the last id that was made before the databases were closed, however that was.

    The first versions kept none: of theirs, the last post's is the one that matters, since a feed
    that is built begins above all posts.
    """

    def work(connection: sqlite3.Connection) -> int:
        row = connection.execute(
            "SELECT max(CAST(value AS INTEGER), coalesce((SELECT max(post_id) FROM posts), 0))"
            " FROM settings WHERE name = 'last_id'"
        ).fetchone()
        return int(row[0])

    return await databases.main.read("users_db", work)

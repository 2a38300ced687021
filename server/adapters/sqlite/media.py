"""Media in SQLite: what was uploaded, and how long no post has shown it."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import Any

from server.adapters.sqlite.database import Database
from server.adapters.sqlite.transactions import Transaction
from server.errors import MediaGoneError
from server.model.events import Event, EventKind
from server.model.media import Media, MediaState, Rendition, key_in

BOX = "posts_db"
_VALUES = "(SELECT value FROM json_each(?))"
_SELECT = (
    "SELECT media_id, key, owner_id, content_type, size_bytes, state, width, height, renditions,"
    " poster_key, playlist_key, failure FROM media"
)


class SqliteMedia:
    """Keeps the port `MediaStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, media: Media) -> None:
        """Add media that is about to be uploaded."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "INSERT OR IGNORE INTO media (media_id, key, owner_id, content_type, size_bytes,"
                " state, width, height, renditions, poster_key, playlist_key, failure,"
                " orphaned_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*_row(media), media.created_at_ms),
            )

        await self._database.write(BOX, work)

    async def get(self, media_id: int) -> Media | None:
        """Return media by its id."""

        def work(connection: sqlite3.Connection) -> Media | None:
            return _one(connection, media_id)

        return await self._database.read(BOX, work)

    async def get_many(self, keys: Iterable[str]) -> Mapping[str, Media]:
        """Return those of the media that are known, by key."""
        wanted = json.dumps(list(keys))

        def work(connection: sqlite3.Connection) -> Mapping[str, Media]:
            rows = connection.execute(
                f"{_SELECT} WHERE key IN {_VALUES}",
                (wanted,),
            )
            return {row[1]: _media(row) for row in rows}

        return await self._database.read(BOX, work)

    async def complete(
        self, media_id: int, *, width: int | None, height: int | None, event: Event
    ) -> Media | None:
        """Note that media is stored, and add its event, once."""

        def work(transaction: Transaction) -> Media | None:
            completed = transaction.connection.execute(
                "UPDATE media SET state = ?, width = ?, height = ?"
                " WHERE media_id = ? AND state = ?",
                (MediaState.STORED, width, height, media_id, MediaState.PENDING),
            )
            if completed.rowcount:
                transaction.queue(event)
            return _one(transaction.connection, media_id)

        return await self._database.write(BOX, work)

    async def update(self, media: Media) -> bool:
        """Keep what became of media; False, and nothing changed, if it is removed meanwhile."""

        def work(transaction: Transaction) -> bool:
            updated = transaction.connection.execute(
                "UPDATE media SET state = ?, width = ?, height = ?, renditions = ?,"
                " poster_key = ?, playlist_key = ?, failure = ?"
                " WHERE media_id = ? AND state != ?",
                (*_row(media)[5:], media.media_id, MediaState.REMOVED),
            )
            return updated.rowcount > 0

        return await self._database.write(BOX, work)

    async def orphans(self, *, since_before_ms: int, limit: int) -> Sequence[Media]:
        """Return media that no post shows since a time; from now on none can: it is removed."""

        def work(transaction: Transaction) -> Sequence[Media]:
            rows = transaction.connection.execute(
                _SELECT + " WHERE orphaned_at_ms < ? ORDER BY orphaned_at_ms LIMIT ?",
                (since_before_ms, limit),
            ).fetchall()
            transaction.connection.executemany(
                "UPDATE media SET state = ? WHERE media_id = ?",
                [(MediaState.REMOVED, row[0]) for row in rows],
            )
            return [_media((*row[:5], MediaState.REMOVED, *row[6:])) for row in rows]

        return await self._database.write(BOX, work)

    async def forget(self, media_ids: Iterable[int]) -> None:
        """Forget media that was removed."""
        forgotten = json.dumps(list(media_ids))

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "DELETE FROM media WHERE media_id IN (SELECT value FROM json_each(?))",
                (forgotten,),
            )

        await self._database.write(BOX, work)


def show_media(transaction: Transaction, key: str) -> None:
    """Note that a post shows media.

    Raises:
        MediaGoneError: if there is none, or it is being removed.
    """
    shown = transaction.connection.execute(
        "UPDATE media SET orphaned_at_ms = NULL WHERE key = ? AND state != ?",
        (key, MediaState.REMOVED),
    )
    if not shown.rowcount:
        raise MediaGoneError(key=key)


def orphan_media(transaction: Transaction, media_url: str) -> None:
    """Note that a post does not show media any more; it is removed if no other does."""
    withdrawn = transaction.connection.execute(
        # Orphaned for long, so that it is found even if its event is lost among the dead letters.
        "UPDATE media SET orphaned_at_ms = 0, state = ? WHERE key = ? AND NOT EXISTS"
        " (SELECT 1 FROM posts WHERE media_url = ?) RETURNING owner_id, media_id",
        (MediaState.REMOVED, key_in(media_url), media_url),
    ).fetchone()
    if withdrawn:
        transaction.queue(Event(EventKind.WITHDRAWN, *withdrawn))


def _one(connection: sqlite3.Connection, media_id: int) -> Media | None:
    row = connection.execute(_SELECT + " WHERE media_id = ?", (media_id,)).fetchone()
    return None if row is None else _media(row)


def _row(media: Media) -> tuple[object, ...]:
    return (
        media.media_id,
        media.key,
        media.owner_id,
        media.content_type,
        media.size_bytes,
        media.state,
        media.width,
        media.height,
        json.dumps([astuple(rendition) for rendition in media.renditions]),
        media.poster_key,
        media.playlist_key,
        media.failure,
    )


def _media(row: tuple[Any, ...]) -> Media:
    media_id, key, owner_id, content_type, size_bytes, state, width, height, *made = row
    renditions, poster_key, playlist_key, failure = made
    return Media(
        media_id,
        key,
        owner_id,
        content_type,
        size_bytes,
        state=MediaState(state),
        width=width,
        height=height,
        renditions=tuple(Rendition(*each) for each in json.loads(renditions)),
        poster_key=poster_key,
        playlist_key=playlist_key,
        failure=failure,
    )

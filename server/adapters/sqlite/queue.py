"""The message queue in SQLite: a transactional outbox, and the dead letters beside it."""

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress

import orjson

from server.adapters.sqlite.database import Database
from server.adapters.sqlite.transactions import Transaction
from server.adapters.sqlite.unreadable import IS_READABLE, as_text, shown, why_unreadable
from server.errors import UnreadableEventsError
from server.model.events import Backlog, DeadLetter, Delivery, Event, Queue, kinds_of

BOX = "message_queue"

# SQLite keeps any value in any column; what is no number is later than all numbers.
_DUE = (
    "SELECT * FROM events WHERE queue = :queue"
    " AND (due_at_ms <= :now_ms OR typeof(due_at_ms) <> 'integer') ORDER BY sequence LIMIT :limit"
)


class SqliteQueue:
    """Keeps the port `MessageQueue`; events come from the stores' own writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def wait(self, queue: Queue, *, timeout_s: float) -> None:
        """Return when an event may have come, or after the timeout."""
        arrived = self._database.on_event[queue]
        # `wait_for` would make a task of it.
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await arrived.wait()
        arrived.clear()

    async def put(self, events: Sequence[Event], *, queued_at_ms: int) -> None:
        """Add events that come with no row of their own, but none that waits already."""

        def work(transaction: Transaction) -> None:
            for event in events:
                transaction.write_events()
                if not _waits(transaction.connection, event):
                    transaction.queue(event, queued_at_ms=queued_at_ms)

        await self._database.write(BOX, work)

    async def due(self, queue: Queue, *, now_ms: int, limit: int) -> Sequence[Delivery]:
        """Return the oldest events that are not put off.

        Raises:
            UnreadableEventsError: if some of them cannot be read.
        """
        kinds = json.dumps(kinds_of(queue))
        asked = {"queue": queue, "now_ms": now_ms, "limit": limit, "kinds": kinds}

        def work(connection: sqlite3.Connection) -> Sequence[Delivery]:
            # One row of JSON: each row fetched would wait for the interpreter.
            found, text = connection.execute(
                "SELECT count(*), json_group_array(json_array("  # noqa: S608 - of constants
                " sequence, attempts, queued_at_ms, kind, user_id, subject_id, comment_id))"
                f" FILTER (WHERE {IS_READABLE}) FROM ({_DUE})",
                asked,
            ).fetchone()
            due = orjson.loads(text)
            if len(due) < found:
                raise UnreadableEventsError(why_unreadable(connection, _DUE, asked))
            return [
                Delivery(sequence, Event(*event), attempts, queued_at_ms)
                for sequence, attempts, queued_at_ms, *event in due
            ]

        return await self._database.read(BOX, work)

    async def acknowledge(self, sequences: Iterable[int]) -> None:
        """Forget events whose effects are done."""
        done = list(sequences)
        await self._database.write(BOX, lambda transaction: acknowledge(transaction, done))

    async def put_off(self, sequence: int, *, until_ms: int) -> None:
        """Count a failed attempt, and deliver the event again after a time."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "UPDATE events SET attempts = attempts + 1, due_at_ms = ? WHERE sequence = ?",
                (until_ms, sequence),
            )

        await self._database.write(BOX, work)

    async def bury(self, sequence: int, *, reason: str, now_ms: int) -> None:
        """Move an event to the dead letters."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "INSERT OR IGNORE INTO dead_letters"
                " SELECT sequence, queue, kind, user_id, subject_id, comment_id, ?, ?"
                " FROM events WHERE sequence = ?",
                (reason, now_ms, sequence),
            )
            transaction.connection.execute("DELETE FROM events WHERE sequence = ?", (sequence,))

        await self._database.write(BOX, work)

    async def backlog(self, queue: Queue) -> Backlog:
        """Return what waits."""

        def work(connection: sqlite3.Connection) -> Backlog:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM events WHERE queue = :queue),"
                " (SELECT queued_at_ms FROM events WHERE queue = :queue"
                "  AND typeof(queued_at_ms) = 'integer' ORDER BY sequence LIMIT 1),"
                " (SELECT count(*) FROM dead_letters WHERE queue = :queue)",
                {"queue": queue},
            ).fetchone()
            return Backlog(*row)

        return await self._database.read(BOX, work)

    async def dead_letters(self, *, after: int = 0, limit: int) -> Sequence[DeadLetter]:
        """Return the oldest dead letters above a place in the queue."""

        def work(connection: sqlite3.Connection) -> Sequence[DeadLetter]:
            rows = connection.execute(
                "SELECT sequence, queue, reason, buried_at_ms,"  # noqa: S608 - of constants
                f" {as_text('kind')}, {as_text('user_id')},"
                f" {as_text('subject_id')}, {as_text('comment_id')}"
                " FROM dead_letters WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (after, limit),
            )
            return [
                DeadLetter(
                    sequence,
                    Queue(queue),
                    Event._make(map(shown, event)),
                    reason,
                    buried_at_ms=buried,
                )
                for sequence, queue, reason, buried, *event in rows
            ]

        return await self._database.read(BOX, work)

    async def replay(self, sequences: Iterable[int]) -> int:
        """Put dead letters back into their queues; how many."""
        chosen = json.dumps(list(sequences))

        def work(transaction: Transaction) -> int:
            connection = transaction.connection
            connection.execute(
                "INSERT INTO events (queue, kind, user_id, subject_id, comment_id, queued_at_ms)"
                " SELECT queue, kind, user_id, subject_id, comment_id, ? FROM dead_letters"
                " WHERE sequence IN (SELECT value FROM json_each(?)) ORDER BY sequence",
                (transaction.now_ms, chosen),
            )
            replayed = connection.execute(
                "DELETE FROM dead_letters WHERE sequence IN (SELECT value FROM json_each(?))",
                (chosen,),
            )
            transaction.queues |= set(Queue)
            return replayed.rowcount

        return await self._database.write(BOX, work)


def acknowledge(transaction: Transaction, sequences: Sequence[int]) -> None:
    """Forget events whose effects are done, or in the same transaction."""
    if sequences:
        transaction.connection.execute(
            "DELETE FROM events WHERE sequence IN (SELECT value FROM json_each(?))",
            (json.dumps(sequences),),
        )


def _waits(connection: sqlite3.Connection, event: Event) -> bool:
    found = connection.execute(
        "SELECT 1 FROM events WHERE queue = ? AND kind = ? AND user_id = ? AND subject_id = ?"
        " AND comment_id IS ? LIMIT 1",
        (event.queue, event.kind, event.user_id, event.subject_id, event.comment_id),
    )
    return found.fetchone() is not None

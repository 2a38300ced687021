"""A transaction of the writer: the jobs that share a commit, and what they gather for it."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Generic, TypeVar, cast

from server.model.events import Event, Queue
from server.model.records import Counts

# Rows of one statement, a power of two: of each length there is one statement in memory.
ROWS_AT_ONCE = 64
POST_COLUMNS = ("post_id", "author_id", "text", "media_url", "description", "hashtags")
_EVENT_COLUMNS = ("queue", "kind", "user_id", "subject_id", "comment_id", "queued_at_ms")

# The others are the disk's, or the file's.
_JOBS_FAULTS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)

T = TypeVar("T")
Row = tuple[object, ...]
# Is told the new counts of posts.
CountsListener = Callable[[Mapping[int, Counts]], None]


@dataclass
class Transaction:
    """What a write job works with; what the rows of many jobs can share is gathered for the commit.

    Attributes:
        events: rows that are yet to be written, of `_EVENT_COLUMNS`.
        posts: rows that are yet to be added, of `POST_COLUMNS`, each with its event.
        undo: called on the writer's thread if it is rolled back, for what a store remembers of it.
    """

    connection: sqlite3.Connection
    now_ms: int
    counts: dict[int, Counts] = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)
    posts: list[tuple[Row, Event]] = field(default_factory=list)
    queues: set[Queue] = field(default_factory=set)
    undo: set[Callable[[], None]] = field(default_factory=set)

    def count(self, post_id: int, *, likes: int = 0, comments: int = 0) -> None:
        """Add to a post's counts; one row is written for all that a commit adds to a post."""
        so_far = self.counts.get(post_id, Counts())
        self.counts[post_id] = Counts(so_far.likes + likes, so_far.comments + comments)

    def queue(self, event: Event, *, queued_at_ms: int | None = None) -> None:
        """Put an event into its queue, in the same commit."""
        queue = event.queue
        self.queues.add(queue)
        self.events.append((queue, *event, self.now_ms if queued_at_ms is None else queued_at_ms))

    def add_post(self, row: Row, event: Event) -> None:
        """Add a post and its event before the commit; neither, if it stands. One a job at most."""
        self.posts.append((row, event))

    def write_posts(self) -> None:
        """Add the posts so far.

        Raises:
            StandingPostError: if some of them stand, and which of many is not known.
        """
        written = insert_missing_posts(self.connection, [row for row, _ in self.posts])
        if written < len(self.posts) > 1:
            raise StandingPostError
        for _, event in self.posts[:written]:
            self.queue(event)
        self.posts.clear()

    def write_events(self) -> None:
        """Write the events so far."""
        _insert(self.connection, "INSERT INTO events", _EVENT_COLUMNS, self.events)
        self.events.clear()


class StandingPostError(Exception):
    """Of posts that were added together, one stands already."""


@dataclass(slots=True)
class Job(Generic[T]):
    """What somebody wants written, and who is told when it is on disk."""

    work: Callable[[Transaction], T]
    done: asyncio.Future[T]
    result: T | None = None
    error: Exception | None = None

    def attempt(self, transaction: Transaction) -> None:
        """Do the work; if it fails, nothing of it is left in the transaction.

        Its savepoint costs two statements, so this is for when a job has failed.
        """
        part = Transaction(transaction.connection, transaction.now_ms)
        part.connection.execute("SAVEPOINT job")
        try:
            self.result = self.work(part)
            part.write_posts()
        except Exception as error:
            if _is_the_disks(error):
                transaction.undo |= part.undo
                raise
            self.error = error
            part.connection.execute("ROLLBACK TO job")
            part.connection.execute("RELEASE job")
            _undo(part)
            return
        part.connection.execute("RELEASE job")
        for post_id, counts in part.counts.items():
            transaction.count(post_id, likes=counts.likes, comments=counts.comments)
        transaction.events += part.events
        transaction.queues |= part.queues
        transaction.undo |= part.undo

    def settle(self, failure: Exception | None) -> None:
        """Tell the one who asked."""
        if self.done.done():
            return
        error = failure or self.error
        if isinstance(error, StopIteration):
            # A future takes any other.
            error = RuntimeError(f"the job raised {error!r}")
        if error:
            self.done.set_exception(error)
        else:
            self.done.set_result(cast("T", self.result))


@dataclass(frozen=True)
class Committed:
    """What a commit has changed, to be told to whoever listens."""

    has_written: bool
    counts: Mapping[int, Counts]
    queues: frozenset[Queue]
    duration_s: float
    cpu_s: float


def commit(
    connection: sqlite3.Connection, jobs: list[Job[object]], *, now_ms: int, last_id: int
) -> Committed:
    """Do the work of all jobs in one transaction, on the writer's thread.

    A job that fails has its error, and the others are done without it.

    Raises:
        sqlite3.Error: if the disk does not take it; nothing of it is kept.
    """
    begun_s, used_s = time.perf_counter(), time.thread_time()
    changes = connection.total_changes
    with ExitStack() as undo:
        transaction = _begun(connection, now_ms, undo)
        try:
            for job in jobs:
                job.result = job.work(transaction)
            transaction.write_posts()
        except Exception as error:
            if _is_the_disks(error):
                raise
            # One of them is at fault, or a post stands: each is done by itself.
            undo.close()
            transaction = _begun(connection, now_ms, undo)
            for job in jobs:
                job.attempt(transaction)
        transaction.write_events()
        counts = _write_counts(transaction)
        if last_id:
            _keep_last_id(connection, last_id)
        connection.execute("COMMIT")
        undo.pop_all()
    has_written = connection.total_changes > changes
    return Committed(
        has_written,
        counts,
        frozenset(transaction.queues),
        duration_s=time.perf_counter() - begun_s,
        cpu_s=time.thread_time() - used_s,
    )


def insert_missing_posts(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Insert those posts, rows of `POST_COLUMNS`, that do not stand; returns how many."""
    return _insert(connection, "INSERT OR IGNORE INTO posts", POST_COLUMNS, rows)


def _insert(
    connection: sqlite3.Connection, into: str, columns: tuple[str, ...], rows: Sequence[Row]
) -> int:
    """Insert rows in few statements, each of which costs as much as some rows; how many were."""
    written = first = 0
    while first < len(rows):
        # The largest power of two that there are.
        count = min(1 << (len(rows) - first).bit_length() - 1, ROWS_AT_ONCE)
        values = tuple(chain.from_iterable(rows[first : first + count]))
        written += connection.execute(_insertion(into, columns, count), values).rowcount
        first += count
    return written


@cache
def _insertion(into: str, columns: tuple[str, ...], rows: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"{into} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"


def _begun(connection: sqlite3.Connection, now_ms: int, undo: ExitStack) -> Transaction:
    transaction = Transaction(connection, now_ms)
    connection.execute("BEGIN IMMEDIATE")
    undo.callback(_roll_back, transaction)
    return transaction


def _is_the_disks(error: Exception) -> bool:
    """Whether the whole commit fails, and not only the job."""
    return isinstance(error, sqlite3.Error) and not isinstance(error, _JOBS_FAULTS)


def write_a_row(transaction: Transaction) -> None:
    """Write something, to find out whether that is possible."""
    transaction.connection.execute(
        "REPLACE INTO settings VALUES ('writable_at_ms', ?)", (str(transaction.now_ms),)
    )


def _keep_last_id(connection: sqlite3.Connection, last_id: int) -> None:
    connection.execute(
        "UPDATE settings SET value = ? WHERE name = 'last_id' AND CAST(value AS INTEGER) < ?",
        (str(last_id), last_id),
    )


def _roll_back(transaction: Transaction) -> None:
    # SQLite has rolled back by itself after some errors, such as a full disk.
    if transaction.connection.in_transaction:
        transaction.connection.execute("ROLLBACK")
    _undo(transaction)


def _undo(transaction: Transaction) -> None:
    for undo in transaction.undo:
        undo()


def _write_counts(transaction: Transaction) -> Mapping[int, Counts]:
    counts: dict[int, Counts] = {}
    for post_id, more in transaction.counts.items():
        likes, comments = transaction.connection.execute(
            "INSERT INTO post_counts (post_id, likes, comments) VALUES (?, ?, ?)"
            " ON CONFLICT (post_id) DO UPDATE"
            " SET likes = likes + excluded.likes, comments = comments + excluded.comments"
            " RETURNING likes, comments",
            (post_id, more.likes, more.comments),
        ).fetchone()
        counts[post_id] = Counts(likes, comments)
    return counts

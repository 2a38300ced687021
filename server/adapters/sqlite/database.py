"""One SQLite file: a writer whose jobs share commits, and a reader with snapshots of its own.

A durable commit costs as much as 60 rows and a trip to a connection's thread as much as 35 reads
(measured), so all jobs that wait while a commit is under way go into the next one, in one trip.

Each row fetched and each statement gives the interpreter up and asks for it again, so a thread of
ours should run few statements, and there should be few threads. With three readers that rebuilt
feeds, 1 % of posts were fresh within a second; with one, all were (tests/benchmarks).
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar, cast

import aiosqlite

from server.errors import NewerSchemaError, OverloadedError, StorageError
from server.model.events import Event, Queue
from server.model.records import Counts
from server.ports.clock import Clock
from server.ports.telemetry import Telemetry

# Jobs that wait for the writer: past this the server says that it is overloaded.
WAITING_JOBS = 2_000
JOBS_A_COMMIT = 256
# Rows that one job of a purge deletes: others write between its jobs.
PURGED_AT_ONCE = 500
_CACHE_KIB = 32_768

# The others are the disk's, or the file's.
_JOBS_FAULTS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)

T = TypeVar("T")


@dataclass
class Transaction:
    """What a write job works with; its counts and announcements are gathered for the commit.

    Attributes:
        undo: called on the writer's thread if it is rolled back, for what a store remembers of it.
    """

    connection: sqlite3.Connection
    now_ms: int
    counts: dict[int, Counts] = field(default_factory=dict)
    queues: set[Queue] = field(default_factory=set)
    undo: set[Callable[[], None]] = field(default_factory=set)

    def count(self, post_id: int, *, likes: int = 0, comments: int = 0) -> None:
        """Add to a post's counts; one row is written for all that a commit adds to a post."""
        so_far = self.counts.get(post_id, Counts())
        self.counts[post_id] = Counts(so_far.likes + likes, so_far.comments + comments)

    def queue(self, event: Event, *, queued_at_ms: int | None = None) -> None:
        """Put an event into its queue, in the same commit."""
        self.connection.execute(
            "INSERT INTO events (queue, kind, user_id, subject_id, comment_id, queued_at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                event.queue,
                event.kind,
                event.user_id,
                event.subject_id,
                event.comment_id,
                self.now_ms if queued_at_ms is None else queued_at_ms,
            ),
        )
        self.queues.add(event.queue)


@dataclass
class _Job(Generic[T]):
    work: Callable[[Transaction], T]
    done: asyncio.Future[T]
    result: T | None = None
    error: Exception | None = None

    def attempt(self, transaction: Transaction) -> None:
        """Do the work; if it fails, nothing of it is left in the transaction."""
        part = Transaction(transaction.connection, transaction.now_ms)
        part.connection.execute("SAVEPOINT job")
        try:
            self.result = self.work(part)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not isinstance(error, _JOBS_FAULTS):
                # The disk's: the whole commit fails.
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
        transaction.queues |= part.queues
        transaction.undo |= part.undo

    def settle(self, failure: Exception | None) -> None:
        """Tell the one who asked."""
        if self.done.done():
            return
        if error := failure or self.error:
            self.done.set_exception(error)
        else:
            self.done.set_result(cast("T", self.result))


@dataclass(frozen=True)
class _Committed:
    has_written: bool
    counts: Mapping[int, Counts]
    queues: frozenset[Queue]


class _Connection(aiosqlite.Connection):
    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function on the connection's thread: many statements in one trip."""
        done: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return done


class Database:
    """The file, open. Made by `open_database`."""

    def __init__(
        self,
        *,
        writer: _Connection,
        reader: _Connection,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._telemetry = telemetry
        self._waiting: deque[_Job[object]] = deque()
        self._arrived = asyncio.Event()
        self._is_closing = False
        self._write_loop = asyncio.create_task(self._commit_groups())
        self.last_id: Callable[[], int] = lambda: 0
        self.on_counts: list[Callable[[Mapping[int, Counts]], None]] = []
        self.on_event: dict[Queue, asyncio.Event] = {queue: asyncio.Event() for queue in Queue}
        self.failure: StorageError | None = None

    @property
    def waiting(self) -> int:
        """How many write jobs wait."""
        return len(self._waiting)

    async def write(self, box: str, work: Callable[[Transaction], T]) -> T:
        """Do the work in a transaction and return once it is on disk.

        Raises:
            OverloadedError: if too many jobs wait already.
            StorageError: if the disk does not take it; nothing of it is kept.
        """
        if len(self._waiting) >= WAITING_JOBS or self._is_closing:
            raise OverloadedError(box=box)
        job: _Job[T] = _Job(work, asyncio.get_running_loop().create_future())
        self._waiting.append(cast("_Job[object]", job))
        self._arrived.set()
        with self._telemetry.span(box):
            return await job.done

    async def read(self, box: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work on a snapshot of what is committed."""
        with self._telemetry.span(box):
            try:
                return await self._reader.run(lambda connection: _in_snapshot(connection, work))
            except sqlite3.Error as error:
                raise StorageError(reason=str(error)) from error

    async def purge(self, box: str, work: Callable[[Transaction], int]) -> int:
        """Delete in parts: `work` deletes `PURGED_AT_ONCE` rows, or all; returns how many went."""
        purged = 0
        while True:
            more = await self.write(box, work)
            purged += more
            if more < PURGED_AT_ONCE:
                return purged

    async def prove_writable(self, box: str) -> None:
        """Write a row, to notice when a disk that was full has room again.

        Raises:
            OverloadedError, StorageError: as `write` does.
        """
        await self.write(box, _write_a_row)

    async def close(self) -> None:
        """Finish what waits, and close the file."""
        self._is_closing = True
        self._arrived.set()
        async with AsyncExitStack() as closing:
            for connection in (self._writer, self._reader):
                closing.push_async_callback(connection.close)
            await self._write_loop

    async def _commit_groups(self) -> None:
        while self._waiting or not self._is_closing:
            self._arrived.clear()
            if not self._waiting:
                await self._arrived.wait()
                continue
            count = min(len(self._waiting), JOBS_A_COMMIT)
            await self._commit([self._waiting.popleft() for _ in range(count)])

    async def _commit(self, jobs: list[_Job[object]]) -> None:
        now_ms = self._clock.now_ms()
        last_id = self.last_id()
        failure: Exception | None = None
        try:
            committed = await self._writer.run(
                lambda connection: _commit(connection, jobs, now_ms=now_ms, last_id=last_id)
            )
        except Exception as error:  # noqa: BLE001 - each who waits is told
            is_storage = isinstance(error, sqlite3.Error)
            failure = StorageError(reason=str(error)) if is_storage else error
            self.failure = StorageError(reason=str(error))
        else:
            if committed.has_written:
                self.failure = None
            self._tell(committed)
        for job in jobs:
            job.settle(failure)

    def _tell(self, committed: _Committed) -> None:
        if committed.counts:
            for listener in self.on_counts:
                try:
                    listener(committed.counts)
                except Exception as error:  # noqa: BLE001 - what was committed is confirmed
                    context = {"message": "new counts were not taken", "exception": error}
                    asyncio.get_running_loop().call_exception_handler(context)
        for queue in committed.queues:
            self.on_event[queue].set()


def _in_snapshot(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        connection.execute("COMMIT")


def _commit(
    connection: sqlite3.Connection, jobs: list[_Job[object]], *, now_ms: int, last_id: int
) -> _Committed:
    transaction = Transaction(connection, now_ms)
    changes = connection.total_changes
    with ExitStack() as undo:
        connection.execute("BEGIN IMMEDIATE")
        undo.callback(_roll_back, transaction)
        for job in jobs:
            job.attempt(transaction)
        counts = _write_counts(transaction)
        if last_id:
            _keep_last_id(connection, last_id)
        connection.execute("COMMIT")
        undo.pop_all()
    has_written = connection.total_changes > changes
    return _Committed(has_written, counts, frozenset(transaction.queues))


def _write_a_row(transaction: Transaction) -> None:
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


async def open_database(
    path: Path, *, steps: Sequence[str], clock: Clock, telemetry: Telemetry
) -> Database:
    """Return a database, made or brought to the last version of its schema.

    Args:
        path: of the file.
        steps: statements that take the schema from each version to the next.
        clock: of the events' times.
        telemetry: is told how long the boxes' reads and writes take.

    Raises:
        NewerSchemaError: if a later version wrote it.
    """
    writer = await _connected(path)
    try:
        await writer.run(lambda connection: migrate(connection, path, steps))
        reader = await _connected(path)
    except BaseException:
        await writer.close()
        raise
    return Database(writer=writer, reader=reader, clock=clock, telemetry=telemetry)


async def _connected(path: Path) -> _Connection:
    def connect() -> sqlite3.Connection:
        # Made here, so that nobody but its owner can ever read it.
        path.touch(mode=0o600)
        # Autocommit: transactions are begun and ended here, not by the driver.
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    connection = cast("_Connection", await _Connection(connect, iter_chunk_size=64))
    try:
        await connection.run(_configure)
    except BaseException:
        # Waited for: a thread that ends later than the event loop prints a traceback.
        await connection.close()
        raise
    return connection


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute("PRAGMA busy_timeout = 5000")


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[str]) -> None:
    """Bring a database to the last version of its schema; raises what `open_database` does."""
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > len(steps):
        raise NewerSchemaError(folder=path.parent, found=found, known=len(steps))
    for version in range(found, len(steps)):
        connection.executescript(
            f"BEGIN IMMEDIATE; {steps[version]}; PRAGMA user_version = {version + 1}; COMMIT"
        )

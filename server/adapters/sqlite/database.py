"""One SQLite file: a writer whose jobs share commits, and a reader with snapshots of its own.

A durable commit costs as much as 60 rows, a statement each, and a trip to a connection's thread as
much as 35 reads (measured), so all jobs that wait while a commit is under way go into the next one,
in one trip.

Each row fetched and each statement gives the interpreter up and asks for it again, so a thread of
ours should run few statements, and there should be few threads. With three readers that rebuilt
feeds, 1 % of posts were fresh within a second; with one, all were (tests/benchmarks).
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar, cast

import aiosqlite

from server.adapters.sqlite.files import file_errors, make_file
from server.adapters.sqlite.migrations import expect_current, migrate
from server.adapters.sqlite.transactions import (
    Committed,
    CountsListener,
    Job,
    Transaction,
    commit,
    write_a_row,
)
from server.errors import OverloadedError, StorageError
from server.model.events import Queue
from server.ports.clock import Clock
from server.ports.telemetry import Telemetry

# Jobs that wait for the writer: past this the server says that it is overloaded.
WAITING_JOBS = 2_000
JOBS_A_COMMIT = 256
# Rows that one job of a purge deletes: others write between its jobs.
PURGED_AT_ONCE = 500
# Of a connection.
CACHE_KIB = 32_768
COMMITS = "disk"
"""Where a group commit is told of: the box that scenarios have for it."""

T = TypeVar("T")


class _Connection(aiosqlite.Connection):
    _ending: asyncio.Future[object] | None = None

    def stop(self) -> asyncio.Future[object] | None:
        """Have its thread end; so does a file that cannot be opened."""
        self._ending = super().stop()
        return self._ending

    async def end(self) -> None:
        """Wait for its thread: one that ends later than the event loop prints a traceback."""
        if self._ending is None:
            await self.close()
        else:
            await self._ending

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
        self._waiting: deque[Job[object]] = deque()
        self._arrived = asyncio.Event()
        self._is_closing = False
        self._write_loop = asyncio.create_task(self._commit_groups())
        self.last_id: Callable[[], int] = lambda: 0
        self.on_counts: list[CountsListener] = []
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
        job: Job[T] = Job(work, asyncio.get_running_loop().create_future())
        self._waiting.append(cast("Job[object]", job))
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
        await self.write(box, write_a_row)

    async def close(self) -> None:
        """Finish what waits, and close the file."""
        self._is_closing = True
        self._arrived.set()
        async with AsyncExitStack() as closing:
            for connection in (self._writer, self._reader):
                closing.push_async_callback(connection.close)
            # Whoever watches it has its error.
            await asyncio.wait([self._write_loop])

    async def ended(self) -> None:
        """Return when nothing is written any more, after `close`; raise what else has ended it."""
        await asyncio.shield(self._write_loop)

    async def _commit_groups(self) -> None:
        jobs: list[Job[object]] = []
        try:
            while self._waiting or not self._is_closing:
                self._arrived.clear()
                if not self._waiting:
                    await self._arrived.wait()
                    continue
                count = min(len(self._waiting), JOBS_A_COMMIT)
                jobs = [self._waiting.popleft() for _ in range(count)]
                await self._commit(jobs)
        finally:
            # However it has ended: nobody waits for what does not come.
            self._is_closing = True
            for job in (*jobs, *self._waiting):
                job.settle(StorageError(reason="nothing is written any more"))

    async def _commit(self, jobs: list[Job[object]]) -> None:
        failure: Exception | None = None
        try:
            now_ms, last_id = self._clock.now_ms(), self.last_id()
            committed = await self._writer.run(
                lambda connection: commit(connection, jobs, now_ms=now_ms, last_id=last_id)
            )
        except Exception as error:  # noqa: BLE001 - each who waits is told
            is_storage = isinstance(error, sqlite3.Error)
            failure = StorageError(reason=str(error)) if is_storage else error
            self.failure = StorageError(reason=str(error))
            if is_storage:
                # Those who have waited behind it do not wait for a failure of their own.
                jobs += self._waiting
                self._waiting.clear()
        else:
            if committed.has_written:
                self.failure = None
            self._tell(committed, jobs=len(jobs))
        for job in jobs:
            job.settle(failure)

    def _tell(self, committed: Committed, *, jobs: int) -> None:
        self._telemetry.committed(
            COMMITS, jobs=jobs, duration_s=committed.duration_s, cpu_s=committed.cpu_s
        )
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
        DamagedFileError: if it is no database.
        OSError: if the disk is full.
    """
    with file_errors(path):
        make_file(path)
        writer = await _connected(path)
        try:
            await writer.run(lambda connection: migrate(connection, path, steps))
            reader = await _connected(path)
        except BaseException:
            await writer.close()
            raise
    return Database(writer=writer, reader=reader, clock=clock, telemetry=telemetry)


async def open_current_database(
    path: Path, *, steps: Sequence[str], clock: Clock, telemetry: Telemetry, is_read_only: bool
) -> Database:
    """Return a database that is there, and has the last version of its schema.

    Raises:
        NewerSchemaError, OlderSchemaError: if another version wrote it last.
        DamagedFileError: if it cannot be read, or its lock is not let go of.
    """
    with file_errors(path):
        async with AsyncExitStack() as failing:
            writer = await _connected(path)
            failing.push_async_callback(writer.close)
            await writer.run(lambda connection: expect_current(connection, path, steps))
            reader = await _connected(path)
            failing.push_async_callback(reader.close)
            if is_read_only:
                for connection in (writer, reader):
                    await connection.execute("PRAGMA query_only = 1")
            failing.pop_all()
    return Database(writer=writer, reader=reader, clock=clock, telemetry=telemetry)


async def _connected(path: Path) -> _Connection:
    def connect() -> sqlite3.Connection:
        # Autocommit: transactions are begun and ended here, not by the driver.
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    connection = _Connection(connect, iter_chunk_size=64)
    try:
        _ = await connection
        await connection.run(_configure)
    except BaseException:
        await connection.end()
        raise
    return connection


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute("PRAGMA busy_timeout = 5000")

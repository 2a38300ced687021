"""The dead letters of a data folder, also while a server runs on it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from server.adapters.clock import SystemClock
from server.adapters.metrics import Metrics
from server.adapters.sqlite.database import open_database
from server.adapters.sqlite.queue import SqliteQueue
from server.adapters.sqlite.schema import STEPS
from server.adapters.sqlite.stores import FILE_NAME
from server.errors import DataFolderError
from server.model.events import DeadLetter

MOST_LISTED = 10_000


async def list_dead_letters(folder: Path) -> Sequence[DeadLetter]:
    """Return the dead letters, the oldest first.

    Raises:
        DataFolderError: if there is no server's data.
    """
    async with _queue(folder) as queue:
        return await queue.dead_letters(limit=MOST_LISTED)


async def replay_dead_letters(folder: Path, sequences: Sequence[int] | None) -> int:
    """Put these dead letters, or all, back into their queues; how many were there.

    A server that runs takes them up within a second.

    Raises:
        DataFolderError: if there is no server's data.
    """
    async with _queue(folder) as queue:
        if sequences is None:
            letters = await queue.dead_letters(limit=MOST_LISTED)
            sequences = [letter.sequence for letter in letters]
        return await queue.replay(sequences)


@asynccontextmanager
async def _queue(folder: Path) -> AsyncIterator[SqliteQueue]:
    path = folder / FILE_NAME
    if not path.exists():
        raise DataFolderError(folder=folder, reason="no server has kept data there")
    database = await open_database(path, steps=STEPS, clock=SystemClock(), telemetry=Metrics())
    try:
        yield SqliteQueue(database)
    finally:
        await database.close()

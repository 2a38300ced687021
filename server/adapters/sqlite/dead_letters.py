"""The dead letters of a data folder, also while a server runs on it: nothing is migrated here."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

from server.adapters.clock import SystemClock
from server.adapters.metrics import Metrics
from server.adapters.sqlite.database import open_current_database
from server.adapters.sqlite.queue import SqliteQueue
from server.adapters.sqlite.schema import STEPS
from server.adapters.sqlite.stores import FILE_NAME
from server.errors import DataFolderError, NoDataError, RequestError
from server.model.events import DeadLetter

AT_ONCE = 1_000


async def list_dead_letters(folder: Path) -> Sequence[DeadLetter]:
    """Return the dead letters, the oldest first; nothing is written.

    Raises:
        DataFolderError: if there is no server's data, or not this version's.
    """
    letters: list[DeadLetter] = []
    async with _queue(folder, is_read_only=True) as queue:
        while True:
            after = letters[-1].sequence if letters else 0
            more = await queue.dead_letters(after=after, limit=AT_ONCE)
            letters += more
            if len(more) < AT_ONCE:
                return letters


class Replayed(NamedTuple):
    """How many dead letters were put back, and which of the numbers asked for no letter has."""

    number: int
    unknown: Sequence[int]


async def replay_dead_letters(folder: Path, sequences: Sequence[int] | None) -> Replayed:
    """Put these dead letters, or all, back into their queues.

    A server that runs takes them up within a second.

    Raises:
        DataFolderError: if there is no server's data, or not this version's, or another program
            has it locked.
    """
    known = [letter.sequence for letter in await list_dead_letters(folder)]
    if sequences is None:
        sequences = known
    unknown = sorted({*sequences} - {*known})
    replayed = 0
    async with _queue(folder, is_read_only=False) as queue:
        for start in range(0, len(sequences), AT_ONCE):
            replayed += await queue.replay(sequences[start : start + AT_ONCE])
    return Replayed(replayed, unknown)


@asynccontextmanager
async def _queue(folder: Path, *, is_read_only: bool) -> AsyncIterator[SqliteQueue]:
    path = folder / FILE_NAME
    if not path.exists():
        raise NoDataError(folder=folder)
    with _failing_as_folder(folder):
        database = await open_current_database(
            path,
            steps=STEPS,
            clock=SystemClock(),
            telemetry=Metrics(),
            is_read_only=is_read_only,
        )
        try:
            yield SqliteQueue(database)
        finally:
            await database.close()


@contextmanager
def _failing_as_folder(folder: Path) -> Iterator[None]:
    try:
        yield
    except RequestError as error:
        raise DataFolderError(folder=folder, reason=str(error)) from error

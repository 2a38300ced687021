"""The databases tell of what goes wrong, and go on."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from server.errors import OverloadedError, StorageError
from tests.unit.server.small_world import small_world

# For a slow machine: without an answer, a write waits for ever.
WITHIN_S = 10


def test_what_writes_nothing_does_not_prove_that_there_is_room(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            for database in (world.databases.main, world.databases.feeds):
                with pytest.raises(StorageError):
                    await database.write("test", no_room)
                await database.write("test", lambda _: None)
                assert database.failure is not None
                await database.prove_writable("test")
                assert database.failure is None

    asyncio.run(test())


def test_a_listener_that_fails_is_told_and_writing_goes_on(tmp_path: Path) -> None:
    told: list[object] = []

    async def test() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with small_world(tmp_path) as world:
            world.boxes.stores.counters.subscribe(failing_listener)
            author = await world.user("a")
            post_id = await world.post(author)

            await world.boxes.like_service.like(author, post_id)
            await world.boxes.like_service.unlike(author, post_id)

    asyncio.run(test())
    assert len(told) == 2


@pytest.mark.parametrize(
    "failure", [sqlite3.DatabaseError("malformed"), sqlite3.OperationalError("disk I/O error")]
)
def test_a_file_that_is_damaged_is_the_stores_failure(failure: Exception, tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            for use in (world.databases.main.read, world.databases.main.write):
                with pytest.raises(StorageError):
                    await use("test", raising(failure))

    asyncio.run(test())


def test_one_file_that_cannot_be_closed_leaves_the_other_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            close = world.databases.main.close

            async def failing() -> None:
                await close()
                raise sqlite3.DatabaseError

            monkeypatch.setattr(world.databases.main, "close", failing)
            with pytest.raises(ExceptionGroup):
                await world.databases.close()
            with pytest.raises(ValueError, match="no active connection"):
                await world.databases.feeds.read("test", lambda _: None)
            monkeypatch.undo()

    asyncio.run(test())


def test_a_clock_that_fails_fails_those_who_wait_and_writing_goes_on(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world, asyncio.timeout(WITHIN_S):
            now_ms, world.clock.now_ms = world.clock.now_ms, broken_clock  # type: ignore[method-assign]
            with pytest.raises(OSError, match="no clock"):
                await world.databases.main.write("test", lambda _: None)
            world.clock.now_ms = now_ms  # type: ignore[method-assign]

            await world.user("ada")

    asyncio.run(test())


def test_a_job_may_raise_what_no_future_takes(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world, asyncio.timeout(WITHIN_S):
            with pytest.raises(RuntimeError, match="StopIteration"):
                await world.databases.main.write("test", lambda _: next(iter(())))

            await world.user("ada")

    asyncio.run(test())


def test_nobody_waits_for_a_write_loop_that_has_ended(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world, asyncio.timeout(WITHIN_S):
            database = world.databases.main
            ended = asyncio.create_task(database.ended())
            jobs = (database.write("test", work) for work in (panicking, lambda _: None))
            for failure in await asyncio.gather(*jobs, return_exceptions=True):
                assert isinstance(failure, StorageError)
            with pytest.raises(PanicError):
                await ended
            with pytest.raises(OverloadedError):
                await database.write("test", lambda _: None)

    asyncio.run(test())


class PanicError(BaseException):
    """As packages in Rust raise when they break."""


def panicking(_transaction: object) -> None:
    raise PanicError


def broken_clock() -> int:
    message = "no clock"
    raise OSError(message)


def no_room(_transaction: object) -> None:
    message = "database or disk is full"
    raise sqlite3.OperationalError(message)


def failing_listener(_counts: object) -> None:
    message = "a bug"
    raise RuntimeError(message)


def raising(failure: Exception) -> Callable[[object], None]:
    def work(_: object) -> None:
        raise failure

    return work

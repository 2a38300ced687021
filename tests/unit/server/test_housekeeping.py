"""Housekeeping: a chore that fails keeps neither the others nor the consumers from their work."""

import asyncio
from pathlib import Path

import pytest

from server.errors import NotFoundError
from server.model.events import Queue
from server.services.accounts import Accounts
from server.services.upload_signer import UploadSigner
from tests.unit.server.small_world import SmallWorld, small_world

# For a slow machine.
WITHIN_S = 10


async def failing(_: object) -> None:
    """Fail as object storage elsewhere does that answers 404 to what it should list."""
    raise NotFoundError(kind="object", found="key")


def test_a_chore_that_fails_unexpectedly_is_told_and_consumers_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UploadSigner, "remove_orphans", failing)
    told: list[object] = []

    async def test() -> None:
        failed = asyncio.Event()

        def note(_: object, context: dict[str, object]) -> None:
            told.append(context["exception"])
            failed.set()

        asyncio.get_running_loop().set_exception_handler(note)
        async with small_world(tmp_path) as world, asyncio.timeout(WITHIN_S):
            running = asyncio.create_task(world.boxes.run())
            await failed.wait()
            author = await world.user("ada")
            await world.post(author)
            await consumed(world)
            assert not running.done()
            running.cancel()

    asyncio.run(test())
    assert [type(error) for error in told] == [NotFoundError]


def test_chores_behind_one_that_fails_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Accounts, "purge", failing)

    async def test() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        async with small_world(tmp_path) as world:
            author = await world.user("ada")
            post_id = await world.post(author)

            await world.databases.main.write(
                "test", lambda transaction: transaction.count(post_id, likes=7)
            )

            await world.boxes.housekeeping.once()

            counts = await world.boxes.stores.counters.get_many([post_id])
            assert counts[post_id].likes == 0

    asyncio.run(test())


async def consumed(world: SmallWorld) -> None:
    """Return once the feed generator has consumed its events."""
    while True:
        if not (await world.boxes.stores.messages.backlog(Queue.FEED_GENERATOR)).events:
            return
        await asyncio.sleep(0.01)

"""The watch over an object storage elsewhere: proven by writing once, then looked at."""

import asyncio

from server.errors import StorageError
from server.services.storage_watch import StorageWatch


class Endpoint:
    """A storage that notes how it is looked at, and is of no use while it has a `fault`."""

    def __init__(self) -> None:
        self.fault: StorageError | None = None
        self.looks: list[str] = []

    async def prove(self) -> None:
        await self._look("proven")

    async def check(self) -> None:
        await self._look("checked")

    async def _look(self, how: str) -> None:
        self.looks.append(how)
        if self.fault:
            raise self.fault


def test_a_storage_is_written_to_at_the_start_and_after_a_failure_alone() -> None:
    endpoint = Endpoint()
    watch = StorageWatch(
        "the storage", prove=endpoint.prove, check=endpoint.check, tell=lambda _: None
    )

    async def look_often() -> None:
        for fault in (None, None, None, StorageError(reason="away"), None, None):
            endpoint.fault = fault
            await watch.look()

    asyncio.run(look_often())

    assert endpoint.looks == ["proven", "checked", "checked", "checked", "proven", "checked"]


def test_each_change_is_told_once_and_details_to_whoever_runs_the_server_alone() -> None:
    endpoint, told = Endpoint(), list[str]()
    watch = StorageWatch(
        "the storage", prove=endpoint.prove, check=endpoint.check, tell=told.append
    )
    away = StorageError(reason="away", detail="no route to 10.0.0.7")
    failures = []

    async def look_often() -> None:
        for fault in (None, away, away, None, None):
            endpoint.fault = fault
            await watch.look()
            failures.append(watch.failure)

    asyncio.run(look_often())

    assert failures == [None, "away", "away", None, None]
    assert told == [
        (
            "the storage cannot be used: away: no route to 10.0.0.7; "
            "until it can, the server is not ready, and posts have no new media"
        ),
        "the storage can be used again",
    ]

"""Housekeeping: what is cleaned up and put right every hour, beside all requests."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from server.errors import OverloadedError, StorageError

EVERY_S = 3_600.0

Chore = Callable[[], Awaitable[object]]


class Housekeeping:
    """Chores, done one after the other; one that fails is done in the next hour."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._chores = chores

    async def run(self) -> None:
        """Do all of them every hour until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_S)

    async def once(self) -> None:
        """Do all of them once; an error that nobody expects is told to the event loop's handler."""
        for chore in self._chores:
            try:
                await chore()
            except (StorageError, OverloadedError):
                # A store that does not answer is told elsewhere.
                pass
            except Exception as error:  # noqa: BLE001 - the others are done without it
                context = {"message": "a chore of the housekeeping failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)

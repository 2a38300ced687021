"""Looks now and then whether the object storage can be used, where that is another machine."""

import asyncio
from collections.abc import Awaitable, Callable

from server.errors import StorageError

LOOK_EVERY_S = 10.0
# An endpoint that takes longer is as good as none.
LOOK_S = 5.0


class StorageWatch:
    """Knows why the object storage cannot be used, and tells when that changes.

    Attributes:
        failure: why, without what strangers need not know; None while it can be used.
    """

    def __init__(self, check: Callable[[], Awaitable[None]], tell: Callable[[str], None]) -> None:
        """`check` raises `StorageError` if it cannot be used; `tell` is for whoever runs it."""
        self.failure: str | None = None
        self._check = check
        self._tell = tell

    async def look(self) -> None:
        """Look once, for a limited time."""
        before = self.failure
        try:
            async with asyncio.timeout(LOOK_S):
                await self._check()
            self.failure, because = None, ""
        except StorageError as error:
            self.failure, because = error.reason, f" ({error.__cause__})"
        except TimeoutError:
            self.failure, because = f"no answer within {LOOK_S:g} s", ""
        if self.failure is not None and self.failure != before:
            self._tell(
                f"the object storage cannot be used: {self.failure}{because}; "
                "until it can, the server is not ready, and posts have no new media"
            )
        elif self.failure is None and before is not None:
            self._tell("the object storage can be used again")

    async def run(self) -> None:
        """Look from time to time until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

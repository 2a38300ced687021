"""Looks now and then whether the object storage can be used, where that is another machine."""

import asyncio
from collections.abc import Awaitable, Callable

from server.errors import StorageError

LOOK_EVERY_S = 10.0
# While it cannot be used: whoever mends it waits for that.
LOOK_AGAIN_S = 2.0
# An endpoint that takes longer is as good as none.
LOOK_S = 5.0


class StorageWatch:
    """Knows why the object storage cannot be used, and tells when that changes.

    Attributes:
        failure: why, without what strangers need not know; None while it can be used.
    """

    def __init__(
        self,
        name: str,
        *,
        prove: Callable[[], Awaitable[None]],
        check: Callable[[], Awaitable[None]],
        tell: Callable[[str], None],
    ) -> None:
        """Watch the storage of that name; `tell` is for whoever runs the server.

        `prove` raises `StorageError` if any of what a server does there fails; it writes, so it is
        for the start, and for the end of a failure. Between them `check` has to do.
        """
        self.failure: str | None = None
        self._name = name
        self._prove = prove
        self._check = check
        self._tell = tell
        self._is_proven = False

    async def look(self) -> None:
        """Look once, for a limited time."""
        before, self.failure = self.failure, None
        detail = ""
        try:
            async with asyncio.timeout(LOOK_S):
                await (self._check() if self._is_proven else self._prove())
        except StorageError as error:
            self.failure, detail = error.reason, error.detail and f": {error.detail}"
        except TimeoutError:
            self.failure = f"no answer within {LOOK_S:g} s"
        self._is_proven = self.failure is None
        if self.failure is not None and self.failure != before:
            self._tell(
                f"{self._name} cannot be used: {self.failure}{detail}; "
                "until it can, the server is not ready, and posts have no new media"
            )
        elif self.failure is None and before is not None:
            self._tell(f"{self._name} can be used again")

    async def run(self) -> None:
        """Look from time to time until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S if self.failure is None else LOOK_AGAIN_S)
            await self.look()

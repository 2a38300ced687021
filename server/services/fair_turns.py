"""Work in turns: one user's next piece comes when everybody else who waits has had one."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairTurns:
    """So many pieces of work at once; the owners of those that wait take turns."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._lines: OrderedDict[int, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, owner_id: int) -> AsyncIterator[None]:
        """Wait for an owner's turn, and hold it."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(owner_id)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, owner_id: int) -> None:
        called = asyncio.get_running_loop().create_future()
        self._lines.setdefault(owner_id, deque()).append(called)
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._lines:
            owner_id, line = self._lines.popitem(last=False)
            called = line.popleft()
            if line:
                self._lines[owner_id] = line
            # Who has given up waiting is still in the line.
            if not called.done():
                called.set_result(None)
                return
        self._free += 1

"""How late the event loop is: the time for which it does not get round to a timer."""

import asyncio
from collections import deque
from collections.abc import Callable

EVERY_S = 0.05
# How far back is told: as often as monitors ask, so that they miss no stop.
TOLD_S = 15.0


class LoopLag:
    """Sets one timer after the other, and remembers how late the last ones were."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._late_s = deque([0.0], maxlen=round(TOLD_S / EVERY_S))

    @property
    def longest_s(self) -> float:
        """How late a timer of the last `TOLD_S` was at most."""
        return max(self._late_s)

    async def measure(self) -> None:
        """Measure until cancelled."""
        while True:
            due_s = self._monotonic_s() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self._late_s.append(max(self._monotonic_s() - due_s, 0.0))

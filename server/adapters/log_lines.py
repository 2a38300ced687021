"""Lines for a log that nobody may be reading: written by a thread, and dropped when it is stuck.

A pipe that is full blocks who writes to it. That must never be the event loop.
"""

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

WAITING_LINES = 1_000
LAST_LINES_S = 1.0


class LogLines:
    """Takes lines, in a `with` block.

    Attributes:
        dropped: lines that were not written, because too many waited.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        # Not waited for when the process ends: it may be stuck for ever.
        self._thread = threading.Thread(target=self._run, name="log lines", daemon=True)
        self.dropped = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._waiting.put(None, timeout=LAST_LINES_S)
        except queue.Full:
            return
        self._thread.join(LAST_LINES_S)

    def take(self, line: str) -> None:
        """Have a line written soon, or never."""
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self.dropped += 1

    def _run(self) -> None:
        while (line := self._waiting.get()) is not None:
            self._write(line)

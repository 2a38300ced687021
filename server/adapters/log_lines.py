"""Lines for a log that nobody may be reading: written by a thread, and dropped when that fails.

A pipe that is full blocks who writes to it. That must never be the event loop. And a disk that is
full, or a reader who has gone, must not keep a request from its answer.
"""

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

WAITING_LINES = 10_000
# In one call of the system: one for each costs more than all else that a line takes.
AT_ONCE = 100
LAST_LINES_S = 1.0


class LogLines:
    """Takes lines, in a `with` block; `write` gets one or more, without the last one's end."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        # Not waited for when the process ends: it may be stuck for ever.
        self._thread = threading.Thread(target=self._run, name="log lines", daemon=True)
        # Counted apart, each by one thread: a sum of two may lose what both add at once.
        self._refused = 0
        self._unwritten = 0

    @property
    def dropped(self) -> int:
        """Lines that were not written: too many waited, or writing one has failed."""
        return self._refused + self._unwritten

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
            self._refused += 1

    def _run(self) -> None:
        is_open = True
        while is_open:
            lines, is_open = self._next()
            try:
                if lines:
                    self._write("\n".join(lines))
            except OSError:
                self._unwritten += len(lines)

    def _next(self) -> tuple[list[str], bool]:
        """Return the lines that wait, at least one, and whether more may come."""
        line = self._waiting.get()
        lines = []
        while line is not None:
            lines.append(line)
            if len(lines) == AT_ONCE or self._waiting.empty():
                return lines, True
            line = self._waiting.get()
        return lines, False

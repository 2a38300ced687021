"""Lines for whoever reads along: written beside the work, which never waits for them."""

import queue
import threading
from collections.abc import Callable

# Lines that wait for a reader: past this they are dropped.
WAITING_LINES = 1_000


class Lines:
    """Hands lines to a thread that writes them.

    A pipe that nobody empties blocks its writer, and one whose reader has gone fails: neither may
    happen to the event loop, which has its slowest requests to tell of when it has least time.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._waiting: queue.Queue[str] = queue.Queue(WAITING_LINES)
        self._started = False

    def __call__(self, line: str) -> None:
        """Have a line written, unless too many wait."""
        if not self._started:
            self._started = True
            # A daemon: what blocks it must not keep the process alive.
            threading.Thread(target=self._run, daemon=True, name="lines").start()
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            return

    def _run(self) -> None:
        while True:
            line = self._waiting.get()
            try:
                self._write(line)
            except OSError:
                # Nobody reads any more.
                return

"""Lines of a log: written in order, and never waited for."""

import errno
import os
import threading
import time
from collections.abc import Callable

from server.adapters.log_lines import AT_ONCE, WAITING_LINES, LogLines


def test_lines_are_written_in_order_before_the_end() -> None:
    written: list[str] = []

    with LogLines(written.append) as lines:
        for number in range(100):
            lines.take(str(number))

    assert "\n".join(written).split("\n") == [str(number) for number in range(100)]


def test_a_log_that_is_stuck_holds_nobody_up() -> None:
    is_read = threading.Event()

    with LogLines(lambda _: is_read.wait()) as lines:
        for number in range(2 * WAITING_LINES):
            lines.take(str(number))

        # Some are being written.
        assert WAITING_LINES - AT_ONCE <= lines.dropped <= WAITING_LINES
        is_read.set()


def test_lines_that_cannot_be_written_are_dropped_and_later_ones_written() -> None:
    written: list[str] = []
    is_full = True

    def write(text: str) -> None:
        if is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(text)

    with LogLines(write) as lines:
        lines.take("lost")
        wait_until(lambda: lines.dropped == 1)
        is_full = False
        lines.take("kept")

    assert written == ["kept"]
    assert lines.dropped == 1


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once it is so; fail after some seconds."""
    until_s = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.001)

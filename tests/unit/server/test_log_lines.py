"""Lines of a log: written in order, and never waited for."""

import threading

from server.adapters.log_lines import WAITING_LINES, LogLines


def test_lines_are_written_in_order_before_the_end() -> None:
    written: list[str] = []

    with LogLines(written.append) as lines:
        for number in range(100):
            lines.take(str(number))

    assert written == [str(number) for number in range(100)]


def test_a_log_that_is_stuck_holds_nobody_up() -> None:
    is_read = threading.Event()

    with LogLines(lambda _: is_read.wait()) as lines:
        for number in range(2 * WAITING_LINES):
            lines.take(str(number))

        # One is being written.
        assert lines.dropped in {WAITING_LINES - 1, WAITING_LINES}
        is_read.set()

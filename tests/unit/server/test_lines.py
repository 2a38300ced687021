"""Lines: written in order, and no reader's matter to who writes them."""

import threading
import time

from server.adapters.lines import WAITING_LINES, Lines


def test_lines_are_written_in_order() -> None:
    written: list[str] = []
    done = threading.Event()

    def write(line: str) -> None:
        written.append(line)
        if line == "last":
            done.set()

    lines = Lines(write)
    for line in ("first", "second", "last"):
        lines(line)

    assert done.wait(5)
    assert written == ["first", "second", "last"]


def test_a_reader_that_takes_nothing_holds_nobody_up() -> None:
    takes = threading.Event()
    lines = Lines(lambda _: void(takes.wait(10)))
    started_s = time.monotonic()

    for number in range(3 * WAITING_LINES):
        lines(str(number))

    assert time.monotonic() - started_s < 2
    takes.set()


def test_a_reader_that_has_gone_fails_nobody() -> None:
    def write(_: str) -> None:
        raise BrokenPipeError

    lines = Lines(write)
    for number in range(3 * WAITING_LINES):
        lines(str(number))


def void(_: object) -> None:
    """Take a value that nobody needs."""

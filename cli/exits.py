"""How a run of `socialfeed` ends: its exit codes, and the error that ends it early."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit code tells a script."""

    DONE = 0
    OUR_FAULT = 1
    BAD_INPUT = 2
    OBJECTIVE_MISSED = 3
    INVALID_RUN = 4
    TARGET_UNREACHABLE = 5
    INTERRUPTED = 130


class CommandError(Exception):
    """A command that cannot go on: the message for the user, and the exit code."""

    def __init__(self, message: str, *, exit_code: ExitCode) -> None:
        self.exit_code = exit_code
        super().__init__(message)

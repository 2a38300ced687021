"""Starts a program that ends with the process that started it, even if that is killed.

Run as a program, with the parent's process id, a signal, and the command: it asks Linux for the
signal at the parent's end and becomes the command. Elsewhere it only becomes the command.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def tied(command: Sequence[str], *, by: signal.Signals) -> Sequence[str]:
    """Return the command that runs `command` until this process ends, which sends it a signal."""
    return [sys.executable, "-I", __file__, str(os.getpid()), str(int(by)), *command]


def tie_to(parent: int, *, by: int) -> None:
    """Have Linux send this process a signal when its parent ends; end now if it has ended already.

    A fork does not inherit that.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, by, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(_SIGNALLED + by)


_SIGNALLED = 128
"""What a shell adds to a signal's number for the exit code of what it ended."""


def main() -> None:
    """Become the command; see above."""
    parent, number, *command = sys.argv[1:]
    tie_to(int(parent), by=int(number))
    os.execvp(command[0], command)  # noqa: S606 - that is what it is for


if __name__ == "__main__":
    main()

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


def main() -> None:
    """Become the command; see above."""
    parent, number, *command = sys.argv[1:]
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != int(parent):  # it has ended before it could be asked for
            sys.exit(128 + int(number))
    os.execvp(command[0], command)  # noqa: S606 - that is what it is for


if __name__ == "__main__":
    main()

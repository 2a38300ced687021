"""What a process does with an SQLite file at this moment, as the kernel tells of its locks."""

import os
import signal
import time
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

LOCKS = Path("/proc/locks")


class WalLock(IntEnum):
    """The bytes of the `-shm` file that are locked.

    Source: "WAL-mode File Format", section 2.3.1, on sqlite.org.
    """

    WRITE = 120
    CHECKPOINT = 121


def holds(process_id: int, database: Path, lock: WalLock) -> bool:
    """Whether a process writes the file, or brings its log into it, at this moment."""
    try:
        inode = database.with_name(f"{database.name}-shm").stat().st_ino
    except FileNotFoundError:
        return False
    for line in LOCKS.read_text(encoding="ascii").splitlines():
        # Such as "1: POSIX  ADVISORY  WRITE 14156 fe:00:2155501 120 120".
        _, _, _, kind, holder, file, first, last = line.replace("->", "").split()[:8]
        if (
            kind == "WRITE"
            and int(holder) == process_id
            and int(file.rpartition(":")[2]) == inode
            and int(first) <= lock
            and (last == "EOF" or int(last) >= lock)
        ):
            return True
    return False


def kill_while(
    process_id: int, is_time: Callable[[], bool], *, later_s: float, within_s: float
) -> bool:
    """Kill a process while it does something, so long after that has begun.

    False, and it lives, if it is not caught at it in time. It is stopped before the last look, so
    that what was seen is still so when it dies.
    """
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not is_time():
            time.sleep(0.0005)
            continue
        time.sleep(later_s)
        os.kill(process_id, signal.SIGSTOP)
        _await_stop(process_id)
        if is_time():
            os.kill(process_id, signal.SIGKILL)
            return True
        os.kill(process_id, signal.SIGCONT)
    return False


def _await_stop(process_id: int) -> None:
    """Return when all threads of a process stand still."""
    for thread in Path(f"/proc/{process_id}/task").iterdir():
        while "State:\tT" not in (thread / "status").read_text(encoding="ascii"):
            time.sleep(0.0002)

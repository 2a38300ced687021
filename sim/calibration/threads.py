"""CPU time of a process by thread, and of the processes that it has started; Linux only."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sim.calibration.errors import NoThreadTimesError

_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class ThreadTimes:
    """CPU seconds since a process began, or between two moments.

    Attributes:
        main_s: of its first thread, which runs the event loop.
        others_s: of all others together, which run the statements of its stores.
        children_s: of the processes that it has started and that have ended, which make renditions.
    """

    main_s: float
    others_s: float
    children_s: float = 0.0

    @classmethod
    def of(cls, process: int) -> Self:
        """Return what a process has used until now.

        Raises:
            NoThreadTimesError: if the kernel does not tell, or there is no such process.

        Source: Linux, Documentation/scheduler/sched-stats.rst (schedstat, nanoseconds); proc(5),
        cutime and cstime of /proc/PID/stat.
        """
        main_s = others_s = 0.0
        try:
            for thread in Path(f"/proc/{process}/task").iterdir():
                used_s = float((thread / "schedstat").read_text().split()[0]) / _NS_PER_S
                if thread.name == str(process):
                    main_s = used_s
                else:
                    others_s += used_s
            children_s = _children_s(Path(f"/proc/{process}/stat").read_text())
        except OSError as error:
            raise NoThreadTimesError(process=process, reason=error.strerror or "?") from error
        return cls(main_s, others_s, children_s)

    @property
    def total_s(self) -> float:
        """Of all its own threads."""
        return self.main_s + self.others_s

    def at_speed(self, speed: float) -> "ThreadTimes":
        """Return what a machine of speed 1 would have used."""
        return ThreadTimes(self.main_s * speed, self.others_s * speed, self.children_s * speed)

    def since(self, earlier: "ThreadTimes") -> "ThreadTimes":
        """Return what was used after an earlier moment."""
        return ThreadTimes(
            self.main_s - earlier.main_s,
            self.others_s - earlier.others_s,
            self.children_s - earlier.children_s,
        )


_CHILDREN = slice(13, 15)
"""Where cutime and cstime are behind the name of the program, which may have spaces."""


def _children_s(stat: str) -> float:
    ticks = stat.rpartition(")")[2].split()[_CHILDREN]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

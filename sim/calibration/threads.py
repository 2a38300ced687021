"""CPU time of a process by thread; Linux only."""

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
    """

    main_s: float
    others_s: float

    @classmethod
    def of(cls, process: int) -> Self:
        """Return what a process has used until now.

        Raises:
            NoThreadTimesError: if the kernel does not tell, or there is no such process.

        Source: Linux, Documentation/scheduler/sched-stats.rst (schedstat, nanoseconds).
        """
        main_s = others_s = 0.0
        try:
            for thread in Path(f"/proc/{process}/task").iterdir():
                used_s = float((thread / "schedstat").read_text().split()[0]) / _NS_PER_S
                if thread.name == str(process):
                    main_s = used_s
                else:
                    others_s += used_s
        except OSError as error:
            raise NoThreadTimesError(process=process, reason=error.strerror or "?") from error
        return cls(main_s, others_s)

    @property
    def total_s(self) -> float:
        """Of all threads."""
        return self.main_s + self.others_s

    def at_speed(self, speed: float) -> "ThreadTimes":
        """Return what a machine of speed 1 would have used."""
        return ThreadTimes(self.main_s * speed, self.others_s * speed)

    def since(self, earlier: "ThreadTimes") -> "ThreadTimes":
        """Return what was used after an earlier moment."""
        return ThreadTimes(self.main_s - earlier.main_s, self.others_s - earlier.others_s)

"""What the boxes tell about themselves."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol


class BoxTiming(NamedTuple):
    """A visit to a box.

    Attributes:
        duration_s: from its start to its end, the boxes inside it and all waiting included.
        cpu_s: used by the event loop's thread for this box, boxes inside it not included; None
            where CPU is not metered.
    """

    box: str
    duration_s: float
    cpu_s: float | None


class Visit(Protocol):
    """A visit to a box that is being timed."""

    @property
    def timings(self) -> Sequence[BoxTiming]:
        """What it took once it is over, that of the box behind it first."""
        ...

    def on_to(self, box: str) -> None:
        """From here to its end it is a visit to a box behind this one too.

        What a span inside would tell, for half of what it costs, where both end together.
        """
        ...

    def forget(self) -> None:
        """Tell nothing of it: it was not made after all."""
        ...


def timings_of(visits: Iterable[Visit]) -> Sequence[BoxTiming]:
    """Return what visits took that are over."""
    return [timing for visit in visits for timing in visit.timings]


class Telemetry(Protocol):
    """Requests, errors and durations of boxes; hits of caches; freshness; dead letters."""

    def span(self, box: str) -> AbstractContextManager[Visit]:
        """Time a visit to a box; an exception that leaves it counts as an error."""
        ...

    def cache(self, box: str, *, hits: int, misses: int) -> None:
        """Count what was found in a cache, and what was not."""
        ...

    def delivered(self, queue: str, *, age_s: float) -> None:
        """Note how old an event was when its effects were done."""
        ...

    def retried(self, queue: str) -> None:
        """Count an event that failed and is tried again."""
        ...

    def buried(self, queue: str) -> None:
        """Count an event that went to the dead letters."""
        ...

    def committed(self, box: str, *, jobs: int, duration_s: float, cpu_s: float) -> None:
        """Note a group commit: its jobs, how long it took, and the CPU of its thread."""
        ...

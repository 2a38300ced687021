"""What the boxes tell about themselves."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
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


@dataclass(slots=True)
class Lookups:
    """How often something was looked up in a cache, and found in it or not."""

    hits: int = 0
    misses: int = 0


class Timed(Protocol):
    """A visit to a box."""

    @property
    def timings(self) -> Sequence[BoxTiming]:
        """What it took once it is over, that of the box behind it first."""
        ...


class Visit(Timed, Protocol):
    """A visit to a box that is being timed."""

    def on_to(self, box: str) -> None:
        """From here to its end it is a visit to a box behind this one too.

        What a span inside would tell, for half of what it costs, where both end together.
        """
        ...


class Stopwatch(Timed, Protocol):
    """Times visits to a box and to the one behind it, one visit after the other.

    For what is done so often, and so quickly, that a span for each would cost more than it tells.
    `timings` are those of the last visit that was told: to be read before the next begins.
    """

    @property
    def start(self) -> Callable[[], float]:
        """Begin a visit to the box; returns when, in seconds."""
        ...

    @property
    def lap(self) -> Callable[[], float]:
        """Go on to the box behind it, until both end; returns when."""
        ...

    def stop(self, started_s: float, lap_s: float) -> None:
        """End the visit and tell it; it has been to the box behind, so after `lap`."""
        ...

    def reset(self) -> None:
        """End the visit and tell nothing of it: it was not made after all."""
        ...


def timings_of(visits: Iterable[Timed]) -> Sequence[BoxTiming]:
    """Return what visits took that are over."""
    return [timing for visit in visits for timing in visit.timings]


class Telemetry(Protocol):
    """Requests, errors and durations of boxes; hits of caches; freshness; dead letters."""

    def span(self, box: str) -> AbstractContextManager[Visit]:
        """Time a visit to a box; an exception that leaves it counts as an error."""
        ...

    def stopwatch(self, box: str, inner_box: str) -> Stopwatch:
        """Return what times visits to a box and to the one behind it, one after the other."""
        ...

    def failed(self, box: str, error: BaseException) -> None:
        """Count an error, unless it is no fault of the box."""
        ...

    def lookups(self, box: str) -> Lookups:
        """Return the counts of a cache, for the cache to add to."""
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

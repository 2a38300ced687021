"""Histograms in the Prometheus text format, of durations."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from server.adapters.metric_names import introduced

# Upper bounds, seconds: from a read of the cache to a client's patience.
BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# So many durations are sorted together: that takes a third of finding the bucket of each alone.
SORTED_AT_ONCE = 128


@dataclass(slots=True)
class Histogram:
    """How often something has taken how long."""

    # Those yet to be counted.
    _unsorted_s: list[float] = field(default_factory=list)
    # Of each bucket alone, the last above all bounds; Prometheus wants them summed up.
    _buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    _sum_s: float = 0.0

    def observe(self, duration_s: float) -> None:
        """Count one."""
        self._unsorted_s.append(duration_s)
        if len(self._unsorted_s) >= SORTED_AT_ONCE:
            self._sort()

    def add(self, number: int, *, sum_s: float) -> None:
        """Count so many of at most `BOUNDS_S[0]`."""
        self._buckets[0] += number
        self._sum_s += sum_s

    @property
    def unsorted(self) -> int:
        """How many are yet to be counted."""
        return len(self._unsorted_s)

    def _sort(self) -> None:
        durations_s = self._unsorted_s
        durations_s.sort()
        self._sum_s += sum(durations_s)
        below = 0
        for at, bound in enumerate(BOUNDS_S):
            upto = bisect_right(durations_s, bound, below)
            self._buckets[at] += upto - below
            below = upto
        self._buckets[-1] += len(durations_s) - below
        durations_s.clear()

    def lines(self, name: str, box: str) -> Iterable[str]:
        """Return the lines that tell it."""
        self._sort()
        count = 0
        for bound, more in zip((*BOUNDS_S, math.inf), self._buckets, strict=True):
            count += more
            within = "+Inf" if bound == math.inf else f"{bound:g}"
            yield f'{name}_bucket{{box="{box}",le="{within}"}} {count}'
        yield f'{name}_sum{{box="{box}"}} {self._sum_s:.9g}'
        yield f'{name}_count{{box="{box}"}} {count}'


def histogram_lines(name: str, histograms: Mapping[str, Histogram]) -> Iterable[str]:
    """Return the lines that tell histograms by their boxes."""
    yield from introduced(name, "histogram")
    for box, histogram in sorted(histograms.items()):
        yield from histogram.lines(name, box)

"""Telemetry kept in memory and told in the Prometheus text format, version 0.0.4."""

import math
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType

from server.adapters.cpu import current_account
from server.errors import OverloadedError, RequestError, StorageError
from server.ports.telemetry import BoxTiming, Visit

# Upper bounds, seconds: from a read of the cache to a client's patience.
BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_OWN_FAULTS = (OverloadedError, StorageError)

# So many visits are sorted by box, and durations into buckets, together: for each alone it takes
# twice as long.
UNSORTED = 256

# A visit that is over: box, box behind it if any, when they began and when they ended.
_Visited = tuple[str, str, float, float, float]

# Twice as fast as the class itself, on a path that every request takes.
_timing: Callable[[tuple[str, float, float | None]], BoxTiming] = partial(tuple.__new__, BoxTiming)
_timings: ContextVar[list[BoxTiming] | None] = ContextVar("timings", default=None)
_bucket = partial(bisect_left, BOUNDS_S)


@dataclass(slots=True)
class _Histogram:
    # Of each bucket alone, the last above all bounds; Prometheus wants them summed up.
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0
    unsorted_s: list[float] = field(default_factory=list)

    def observe(self, duration_s: float) -> None:
        self.unsorted_s.append(duration_s)
        if len(self.unsorted_s) >= UNSORTED:
            self.sort()

    def sort(self) -> None:
        for at, count in Counter(map(_bucket, self.unsorted_s)).items():
            self.buckets[at] += count
        self.sum_s += sum(self.unsorted_s)
        self.unsorted_s.clear()


class Metrics:
    """Keeps the port `Telemetry`, by box.

    Metered, spans also charge CPU to boxes, which costs more.
    """

    def __init__(self, *, is_metered: bool = False) -> None:
        self._visits: list[_Visited] = []
        self._durations: dict[str, _Histogram] = defaultdict(_Histogram)
        self._ages: dict[str, _Histogram] = defaultdict(_Histogram)
        self._hits: dict[str, int] = defaultdict(int)
        self._misses: dict[str, int] = defaultdict(int)
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._gauges: dict[tuple[str, str], Callable[[], float]] = {}
        self._cpu_s: dict[str, float] = defaultdict(float)
        self._commit_cpu_s: dict[str, float] = defaultdict(float)
        self._answers: dict[tuple[str, str, int], int] = defaultdict(int)
        self._span: type[_Span] = _MeteredSpan if is_metered else _Span

    def span(self, box: str) -> AbstractContextManager[Visit]:
        """Time a visit to a box; an exception that leaves it counts as an error."""
        return self._span(self, box)

    def visited(self, visit: _Visited) -> None:
        """Note a visit that is over."""
        self._visits.append(visit)
        if len(self._visits) >= UNSORTED:
            self._sort_visits()

    def failed(self, box: str, error: BaseException) -> None:
        """Count an error, unless it is no fault of the box."""
        if box and _is_failure(error):
            self._counts["socialfeed_box_errors_total", box] += 1

    def _sort_visits(self) -> None:
        for box, inner_box, started_s, inner_started_s, ended_s in self._visits:
            if inner_box:
                self._durations[inner_box].observe(ended_s - inner_started_s)
            self._durations[box].observe(ended_s - started_s)
        self._visits.clear()

    def collect_timings(self) -> list[BoxTiming]:
        """Return a list that spans are added to from now on, by this task and those it starts."""
        collected: list[BoxTiming] = []
        _timings.set(collected)
        return collected

    def cache(self, box: str, *, hits: int, misses: int) -> None:
        """Count what was found in a cache, and what was not."""
        if hits:
            self._hits[box] += hits
        if misses:
            self._misses[box] += misses

    def delivered(self, queue: str, *, age_s: float) -> None:
        """Note how old an event was when its effects were done."""
        self._ages[queue].observe(age_s)

    def retried(self, queue: str) -> None:
        """Count an event that failed and is tried again."""
        self._counts["socialfeed_event_retries_total", queue] += 1

    def buried(self, queue: str) -> None:
        """Count an event that went to the dead letters."""
        self._counts["socialfeed_dead_letters_total", queue] += 1

    def committed(self, box: str, *, jobs: int, duration_s: float, cpu_s: float) -> None:
        """Note a group commit: its jobs, how long it took, and the CPU of its thread."""
        self._durations[box].observe(duration_s)
        self._counts["socialfeed_commit_jobs_total", box] += jobs
        self._commit_cpu_s[box] += cpu_s

    def answered(self, method: str, route: str, status: int) -> None:
        """Count an answer to a client."""
        self._answers[method, route, status] += 1

    def gauge(self, name: str, box: str, value: Callable[[], float]) -> None:
        """Tell a value that is asked for each time."""
        self._gauges[name, box] = value

    def charge(self, box: str, cpu_s: float) -> None:
        """Add to the CPU seconds that the event loop's thread has worked for a box."""
        self._cpu_s[box] += cpu_s

    def text(self) -> str:
        """Return all of it in the Prometheus text format."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterable[str]:
        self._sort_visits()
        yield from _histogram_lines(
            "socialfeed_box_duration_seconds", "Duration of a visit to a box.", self._durations
        )
        yield from _histogram_lines(
            "socialfeed_freshness_seconds",
            "Age of an event when its effects were done: from the confirmation to the last feed.",
            self._ages,
        )
        yield "# TYPE socialfeed_answers_total counter"
        for (method, route, status), count in sorted(self._answers.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            yield f"socialfeed_answers_total{{{labels}}} {count}"
        values: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for (name, box), count in self._counts.items():
            values[name].append((box, count))
        values["socialfeed_cache_hits_total"] += self._hits.items()
        values["socialfeed_cache_misses_total"] += self._misses.items()
        values["socialfeed_box_cpu_seconds_total"] += self._cpu_s.items()
        values["socialfeed_commit_cpu_seconds_total"] += self._commit_cpu_s.items()
        for (name, box), value in self._gauges.items():
            values[name].append((box, value()))
        for name, by_box in sorted((name, each) for name, each in values.items() if each):
            yield f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}"
            yield from (f'{name}{{box="{box}"}} {value:.9g}' for box, value in sorted(by_box))


class _Span:
    """A class, since a generator's context costs three times as much, several times a request."""

    __slots__ = ("_box", "_inner_box", "_inner_started_s", "_metrics", "_started_s")

    def __init__(self, metrics: Metrics, box: str) -> None:
        self._metrics = metrics
        self._box = box
        self._inner_box = ""
        self._inner_started_s = 0.0

    def __enter__(self) -> Visit:
        self._started_s = time.perf_counter()
        return self

    def on_to(self, box: str) -> None:
        """See `Visit`."""
        self._inner_box = box
        self._inner_started_s = time.perf_counter()

    def forget(self) -> None:
        """See `Visit`."""
        self._box = ""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        box, inner_box = self._box, self._inner_box
        if not box:
            return
        ended_s = time.perf_counter()
        self._metrics.visited((box, inner_box, self._started_s, self._inner_started_s, ended_s))
        if error is not None:
            self._metrics.failed(inner_box, error)
            self._metrics.failed(box, error)
        timings = _timings.get()
        if timings is not None:
            self._tell(timings, ended_s)

    def _tell(self, timings: list[BoxTiming], ended_s: float) -> None:
        if self._inner_box:
            timings.append(_timing((self._inner_box, ended_s - self._inner_started_s, None)))
        timings.append(_timing((self._box, ended_s - self._started_s, None)))


class _MeteredSpan(_Span):
    """Also charges CPU to the box."""

    __slots__ = ("_account", "_cpu_s", "_inner_cpu_s")

    def __enter__(self) -> Visit:
        self._cpu_s: float | None = None
        self._inner_cpu_s: float | None = None
        self._account = current_account()
        if self._account is not None:
            self._account.enter(self._box)
        return super().__enter__()

    def on_to(self, box: str) -> None:
        """See `Visit`."""
        if self._account is not None:
            self._account.enter(box)
        super().on_to(box)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._account is not None:
            if self._inner_box:
                self._inner_cpu_s = self._account.leave()
            self._cpu_s = self._account.leave()
        super().__exit__(kind, error, traceback)

    def _tell(self, timings: list[BoxTiming], ended_s: float) -> None:
        if self._inner_box:
            inner_s = ended_s - self._inner_started_s
            timings.append(_timing((self._inner_box, inner_s, self._inner_cpu_s)))
        timings.append(_timing((self._box, ended_s - self._started_s, self._cpu_s)))


def _is_failure(error: BaseException) -> bool:
    """Whether a box has failed: a request that is refused for what it asks is no failure."""
    if isinstance(error, RequestError):
        return isinstance(error, _OWN_FAULTS)
    return isinstance(error, Exception)


def _histogram_lines(
    name: str, explanation: str, histograms: dict[str, _Histogram]
) -> Iterable[str]:
    yield f"# HELP {name} {explanation}"
    yield f"# TYPE {name} histogram"
    for box, histogram in sorted(histograms.items()):
        histogram.sort()
        count = 0
        for bound, more in zip((*BOUNDS_S, math.inf), histogram.buckets, strict=True):
            count += more
            within = "+Inf" if bound == math.inf else f"{bound:g}"
            yield f'{name}_bucket{{box="{box}",le="{within}"}} {count}'
        yield f'{name}_sum{{box="{box}"}} {histogram.sum_s:.9g}'
        yield f'{name}_count{{box="{box}"}} {count}'

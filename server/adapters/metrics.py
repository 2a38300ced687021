"""Telemetry kept in memory and told in the Prometheus text format, version 0.0.4."""

import math
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType

from server.adapters.cpu import current_account
from server.adapters.metric_names import MEANINGS, introduced
from server.errors import OverloadedError, RequestError, StorageError
from server.ports.telemetry import BoxTiming, Visit

# Upper bounds, seconds: from a read of the cache to a client's patience.
BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_OWN_FAULTS = (OverloadedError, StorageError)

# So many visits are sorted by box, and durations into buckets, together: for each alone it takes
# twice as long.
UNSORTED = 256

_collected: ContextVar[list[Visit] | None] = ContextVar("collected", default=None)
_bucket = partial(bisect_left, BOUNDS_S)


@dataclass(slots=True)
class _Histogram:
    # Of each bucket alone, the last above all bounds; Prometheus wants them summed up.
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0
    unsorted_s: list[float] = field(default_factory=list)

    def observe(self, *durations_s: float) -> None:
        self.unsorted_s += durations_s
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
        # Those that are over, and yet to be sorted.
        self.visits: list[_Span] = []
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

    def failed(self, box: str, error: BaseException) -> None:
        """Count an error, unless it is no fault of the box."""
        if box and _is_failure(error):
            self._counts["socialfeed_box_errors_total", box] += 1

    def sort_visits(self) -> None:
        """Count those that are over by their boxes."""
        durations_s: dict[str, list[float]] = defaultdict(list)
        for visit in self.visits:
            if visit.inner_box:
                durations_s[visit.inner_box].append(visit.ended_s - visit.inner_started_s)
            durations_s[visit.box].append(visit.ended_s - visit.started_s)
        self.visits.clear()
        for box, each_s in durations_s.items():
            self._durations[box].observe(*each_s)

    def collect_visits(self) -> list[Visit]:
        """Return a list that visits are added to from now on, by this task and those it starts."""
        collected: list[Visit] = []
        _collected.set(collected)
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
        """Tell a value that is asked for each time.

        Raises:
            KeyError: if nothing says what it means (`MEANINGS`).
        """
        _ = MEANINGS[name]
        self._gauges[name, box] = value

    def charge(self, box: str, cpu_s: float) -> None:
        """Add to the CPU seconds that the event loop's thread has worked for a box."""
        self._cpu_s[box] += cpu_s

    def text(self) -> str:
        """Return all of it in the Prometheus text format."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterable[str]:
        self.sort_visits()
        yield from _histogram_lines("socialfeed_box_duration_seconds", self._durations)
        yield from _histogram_lines("socialfeed_freshness_seconds", self._ages)
        yield from introduced("socialfeed_answers_total", "counter")
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
            yield from introduced(name, "counter" if name.endswith("_total") else "gauge")
            yield from (f'{name}{{box="{box}"}} {value:.9g}' for box, value in sorted(by_box))


class _Span:
    """A class, since a generator's context costs three times as much, several times a request."""

    __slots__ = ("_metrics", "box", "ended_s", "inner_box", "inner_started_s", "started_s")

    def __init__(self, metrics: Metrics, box: str) -> None:
        self._metrics = metrics
        self.box = box
        self.inner_box = ""

    def __enter__(self) -> Visit:
        self.started_s = time.perf_counter()
        return self

    def on_to(self, box: str) -> None:
        """See `Visit`."""
        self.inner_box = box
        self.inner_started_s = time.perf_counter()

    def forget(self) -> None:
        """See `Visit`."""
        self.box = ""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.box:
            return
        self.ended_s = time.perf_counter()
        visits = self._metrics.visits
        visits.append(self)
        if len(visits) >= UNSORTED:
            self._metrics.sort_visits()
        if error is not None:
            self._metrics.failed(self.inner_box, error)
            self._metrics.failed(self.box, error)
        collected = _collected.get()
        if collected is not None:
            collected.append(self)

    @property
    def timings(self) -> Sequence[BoxTiming]:
        """See `Visit`."""
        return self._timings(None, None)

    def _timings(self, cpu_s: float | None, inner_cpu_s: float | None) -> Sequence[BoxTiming]:
        own = BoxTiming(self.box, self.ended_s - self.started_s, cpu_s)
        if not self.inner_box:
            return (own,)
        inner_s = self.ended_s - self.inner_started_s
        return BoxTiming(self.inner_box, inner_s, inner_cpu_s), own


class _MeteredSpan(_Span):
    """Also charges CPU to the box."""

    __slots__ = ("_account", "_cpu_s", "_inner_cpu_s")

    def __enter__(self) -> Visit:
        self._cpu_s: float | None = None
        self._inner_cpu_s: float | None = None
        self._account = current_account()
        if self._account is not None:
            self._account.enter(self.box)
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
            if self.inner_box:
                self._inner_cpu_s = self._account.leave()
            self._cpu_s = self._account.leave()
        super().__exit__(kind, error, traceback)

    @property
    def timings(self) -> Sequence[BoxTiming]:
        """See `Visit`."""
        return self._timings(self._cpu_s, self._inner_cpu_s)


def _is_failure(error: BaseException) -> bool:
    """Whether a box has failed: a request that is refused for what it asks is no failure."""
    if isinstance(error, RequestError):
        return isinstance(error, _OWN_FAULTS)
    return isinstance(error, Exception)


def _histogram_lines(name: str, histograms: dict[str, _Histogram]) -> Iterable[str]:
    yield from introduced(name, "histogram")
    for box, histogram in sorted(histograms.items()):
        histogram.sort()
        count = 0
        for bound, more in zip((*BOUNDS_S, math.inf), histogram.buckets, strict=True):
            count += more
            within = "+Inf" if bound == math.inf else f"{bound:g}"
            yield f'{name}_bucket{{box="{box}",le="{within}"}} {count}'
        yield f'{name}_sum{{box="{box}"}} {histogram.sum_s:.9g}'
        yield f'{name}_count{{box="{box}"}} {count}'

"""Telemetry kept in memory and told in the Prometheus text format, version 0.0.4."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import TracebackType

from server.adapters.cpu import current_account
from server.adapters.histogram import BOUNDS_S, Histogram, histogram_lines
from server.adapters.metric_names import MEANINGS, introduced
from server.adapters.process_metrics import process_lines
from server.errors import OverloadedError, RequestError, StorageError
from server.ports.telemetry import BoxTiming, Lookups, Stopwatch, Timed, Visit

_OWN_FAULTS = (OverloadedError, StorageError)

_collected: ContextVar[list[Timed] | None] = ContextVar("collected", default=None)


class Metrics:
    """Keeps the port `Telemetry`, by box.

    Metered, spans also charge CPU to boxes, which costs more.
    """

    def __init__(self, *, is_metered: bool = False) -> None:
        self.durations: dict[str, Histogram] = defaultdict(Histogram)
        self._ages: dict[str, Histogram] = defaultdict(Histogram)
        self._waits: dict[str, Histogram] = defaultdict(Histogram)
        self._lookups: dict[str, Lookups] = defaultdict(Lookups)
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._gauges: dict[tuple[str, str], Callable[[], float]] = {}
        self._cpu_s: dict[str, float] = defaultdict(float)
        self._commit_cpu_s: dict[str, float] = defaultdict(float)
        self._answers: dict[tuple[str, str, int], int] = defaultdict(int)
        self._span: type[_Span] = _MeteredSpan if is_metered else _Span
        self._stopwatches: list[_Stopwatch] = []
        self._stopwatch: type[_Stopwatch] = _MeteredStopwatch if is_metered else _Stopwatch

    def span(self, box: str) -> AbstractContextManager[Visit]:
        """Time a visit to a box; an exception that leaves it counts as an error."""
        return self._span(self, box)

    def stopwatch(self, box: str, inner_box: str) -> Stopwatch:
        """Return what times visits to a box and to the one behind it, one after the other."""
        stopwatch = self._stopwatch(self, box, inner_box)
        self._stopwatches.append(stopwatch)
        return stopwatch

    def failed(self, box: str, error: BaseException) -> None:
        """Count an error, unless it is no fault of the box."""
        if box and _is_failure(error):
            self._counts["socialfeed_box_errors_total", box] += 1

    def collect_visits(self) -> list[Timed]:
        """Return a list that visits are added to from now on, by this task and those it starts."""
        collected: list[Timed] = []
        _collected.set(collected)
        return collected

    def lookups(self, box: str) -> Lookups:
        """Return the counts of a cache, for the cache to add to."""
        return self._lookups[box]

    def delivered(self, queue: str, *, age_s: float) -> None:
        """Note how old an event was when its effects were done."""
        self._ages[queue].observe(age_s)

    def waits(self, box: str) -> Callable[[float], None]:
        """Return what notes for how long a request has waited for its turn at a box, seconds."""
        return self._waits[box].observe

    def retried(self, queue: str) -> None:
        """Count an event that failed and is tried again."""
        self._counts["socialfeed_event_retries_total", queue] += 1

    def buried(self, queue: str) -> None:
        """Count an event that went to the dead letters."""
        self._counts["socialfeed_dead_letters_total", queue] += 1

    def committed(self, box: str, *, jobs: int, duration_s: float, cpu_s: float) -> None:
        """Note a group commit: its jobs, how long it took, and the CPU of its thread."""
        self.durations[box].observe(duration_s)
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
        for stopwatch in self._stopwatches:
            stopwatch.settle()
        yield from histogram_lines("socialfeed_box_duration_seconds", self.durations)
        yield from histogram_lines("socialfeed_freshness_seconds", self._ages)
        yield from histogram_lines("socialfeed_line_wait_seconds", self._waits)
        yield from introduced("socialfeed_answers_total", "counter")
        for (method, route, status), count in sorted(self._answers.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            yield f"socialfeed_answers_total{{{labels}}} {count}"
        values: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for (name, box), count in self._counts.items():
            values[name].append((box, count))
        for box, lookups in self._lookups.items():
            values["socialfeed_cache_hits_total"].append((box, lookups.hits))
            values["socialfeed_cache_misses_total"].append((box, lookups.misses))
        values["socialfeed_box_cpu_seconds_total"] += self._cpu_s.items()
        values["socialfeed_commit_cpu_seconds_total"] += self._commit_cpu_s.items()
        for (name, box), value in self._gauges.items():
            values[name].append((box, value()))
        for name, by_box in sorted((name, each) for name, each in values.items() if each):
            yield from introduced(name, "counter" if name.endswith("_total") else "gauge")
            yield from (f'{name}{{box="{box}"}} {value:.9g}' for box, value in sorted(by_box))
        yield from process_lines()


class _Timed:
    """When a visit has begun, went on to the box behind, if it has, and ended."""

    __slots__ = ("box", "ended_s", "inner_box", "inner_started_s", "started_s")

    box: str
    inner_box: str
    started_s: float
    inner_started_s: float
    ended_s: float

    @property
    def timings(self) -> Sequence[BoxTiming]:
        """See `Timed`."""
        return self._timings(None, None)

    def _timings(self, cpu_s: float | None, inner_cpu_s: float | None) -> Sequence[BoxTiming]:
        own = BoxTiming(self.box, self.ended_s - self.started_s, cpu_s)
        if not self.inner_box:
            return (own,)
        inner_s = self.ended_s - self.inner_started_s
        return BoxTiming(self.inner_box, inner_s, inner_cpu_s), own


class _Span(_Timed):
    """A class, since a generator's context costs three times as much, several times a request."""

    __slots__ = ("_metrics",)

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.ended_s = ended_s = time.perf_counter()
        metrics = self._metrics
        metrics.durations[self.box].observe(ended_s - self.started_s)
        if self.inner_box:
            metrics.durations[self.inner_box].observe(ended_s - self.inner_started_s)
        if error is not None:
            metrics.failed(self.inner_box, error)
            metrics.failed(self.box, error)
        collected = _collected.get()
        if collected is not None:
            collected.append(self)


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
        """See `Timed`."""
        return self._timings(self._cpu_s, self._inner_cpu_s)


class _Stopwatch(_Timed):
    """One object for all visits, which costs a third of what a span for each does."""

    __slots__ = (
        "_durations",
        "_inner_durations",
        "_inner_sum_s",
        "_quick",
        "_sum_s",
        "lap",
        "start",
    )

    def __init__(self, metrics: Metrics, box: str, inner_box: str) -> None:
        self.box = box
        self.inner_box = inner_box
        # The clock itself: a method around each reading is a quarter more.
        self.start: Callable[[], float] = time.perf_counter
        self.lap: Callable[[], float] = time.perf_counter
        self._durations, self._inner_durations = (
            metrics.durations[box],
            metrics.durations[inner_box],
        )
        # Visits so quick that both durations are below all bounds: hardly any is not.
        self._quick = 0
        self._sum_s = self._inner_sum_s = 0.0

    def stop(self, started_s: float, lap_s: float) -> None:
        """See `Stopwatch`."""
        self.ended_s = ended_s = time.perf_counter()
        self.started_s, self.inner_started_s = started_s, lap_s
        duration_s, inner_duration_s = ended_s - started_s, ended_s - lap_s
        if duration_s <= BOUNDS_S[0]:
            self._quick += 1
            self._sum_s += duration_s
            self._inner_sum_s += inner_duration_s
        else:
            self._durations.observe(duration_s)
            self._inner_durations.observe(inner_duration_s)

    def settle(self) -> None:
        """Count the quick ones among the others of their boxes."""
        self._durations.add(self._quick, sum_s=self._sum_s)
        self._inner_durations.add(self._quick, sum_s=self._inner_sum_s)
        self._quick = 0
        self._sum_s = self._inner_sum_s = 0.0

    def reset(self) -> None:
        """See `Stopwatch`."""


class _MeteredStopwatch(_Stopwatch):
    """Also charges CPU to the boxes."""

    __slots__ = ("_account", "_cpu_s", "_entered", "_inner_cpu_s")

    def __init__(self, metrics: Metrics, box: str, inner_box: str) -> None:
        super().__init__(metrics, box, inner_box)
        self.start = self._start
        self.lap = self._lap

    def _start(self) -> float:
        self._account = current_account()
        self._entered = 0
        self._enter(self.box)
        return time.perf_counter()

    def _lap(self) -> float:
        self._enter(self.inner_box)
        return time.perf_counter()

    def stop(self, started_s: float, lap_s: float) -> None:
        """See `Stopwatch`."""
        self._inner_cpu_s = self._leave()
        self._cpu_s = self._leave()
        super().stop(started_s, lap_s)

    def reset(self) -> None:
        """See `Stopwatch`."""
        while self._entered:
            self._leave()

    def _enter(self, box: str) -> None:
        if self._account is not None:
            self._account.enter(box)
            self._entered += 1

    def _leave(self) -> float | None:
        if self._account is None:
            return None
        self._entered -= 1
        return self._account.leave()

    @property
    def timings(self) -> Sequence[BoxTiming]:
        """See `Timed`."""
        return self._timings(self._cpu_s, self._inner_cpu_s)


def _is_failure(error: BaseException) -> bool:
    """Whether a box has failed: a request that is refused for what it asks is no failure."""
    if isinstance(error, RequestError):
        return isinstance(error, _OWN_FAULTS)
    return isinstance(error, Exception)

"""Telemetry kept in memory and told in the Prometheus text format, version 0.0.4."""

import math
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType

from server.adapters.cpu import current_account
from server.errors import OverloadedError, RequestError, StorageError
from server.ports.telemetry import BoxTiming

# Upper bounds, seconds: from a read of the cache to a client's patience.
BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_OWN_FAULTS = (OverloadedError, StorageError)

# Twice as fast as the class itself, on a path that every request takes.
_timing: Callable[[tuple[str, float, float | None]], BoxTiming] = partial(tuple.__new__, BoxTiming)
_timings: ContextVar[list[BoxTiming] | None] = ContextVar("timings", default=None)


@dataclass(slots=True)
class _Histogram:
    # Of each bucket alone, the last above all bounds; Prometheus wants them summed up.
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def observe(self, duration_s: float) -> None:
        self.sum_s += duration_s
        self.buckets[bisect_left(BOUNDS_S, duration_s)] += 1


class Metrics:
    """Keeps the port `Telemetry`, by box.

    Metered, spans also charge CPU to boxes, which costs more.
    """

    def __init__(self, *, is_metered: bool = False) -> None:
        self._span: type[_Span] = _MeteredSpan if is_metered else _Span
        self._durations: dict[str, _Histogram] = defaultdict(_Histogram)
        self._ages: dict[str, _Histogram] = defaultdict(_Histogram)
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._gauges: dict[tuple[str, str], Callable[[], float]] = {}
        self._cpu_s: dict[str, float] = defaultdict(float)
        self._commit_cpu_s: dict[str, float] = defaultdict(float)
        self._answers: dict[tuple[str, str, int], int] = defaultdict(int)

    def span(self, box: str) -> AbstractContextManager[None]:
        """Time a visit to a box; an exception that leaves it counts as an error."""
        return self._span(self, box)

    def visited(self, box: str, duration_s: float, *, failed: bool) -> None:
        """Note a visit to a box."""
        histogram = self._durations[box]
        histogram.sum_s += duration_s
        histogram.buckets[bisect_left(BOUNDS_S, duration_s)] += 1
        if failed:
            self._counts["socialfeed_box_errors_total", box] += 1

    def timings(self) -> AbstractContextManager[list[BoxTiming]]:
        """Yield a list that the spans of this task, and of those it starts, are added to."""
        return _Collecting()

    def cache(self, box: str, *, hits: int, misses: int) -> None:
        """Count what was found in a cache, and what was not."""
        if hits:
            self._counts["socialfeed_cache_hits_total", box] += hits
        if misses:
            self._counts["socialfeed_cache_misses_total", box] += misses

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
        values["socialfeed_box_cpu_seconds_total"] += self._cpu_s.items()
        values["socialfeed_commit_cpu_seconds_total"] += self._commit_cpu_s.items()
        for (name, box), value in self._gauges.items():
            values[name].append((box, value()))
        for name, by_box in sorted((name, each) for name, each in values.items() if each):
            yield f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}"
            yield from (f'{name}{{box="{box}"}} {value:.9g}' for box, value in sorted(by_box))


class _Collecting:
    """A class for the same reason as a span."""

    __slots__ = ("_token",)

    def __enter__(self) -> list[BoxTiming]:
        collected: list[BoxTiming] = []
        self._token = _timings.set(collected)
        return collected

    def __exit__(self, *_: object) -> None:
        _timings.reset(self._token)


class _Span:
    """A class, since a generator's context costs three times as much, several times a request."""

    __slots__ = ("_box", "_metrics", "_started_s")

    def __init__(self, metrics: Metrics, box: str) -> None:
        self._metrics = metrics
        self._box = box

    def __enter__(self) -> None:
        self._started_s = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end(error, cpu_s=None)

    def _end(self, error: BaseException | None, *, cpu_s: float | None) -> None:
        duration_s = time.perf_counter() - self._started_s
        self._metrics.visited(
            self._box, duration_s, failed=error is not None and _is_failure(error)
        )
        timings = _timings.get()
        if timings is not None:
            timings.append(_timing((self._box, duration_s, cpu_s)))


class _MeteredSpan(_Span):
    """Also charges CPU to the box."""

    __slots__ = ("_account",)

    def __enter__(self) -> None:
        self._account = current_account()
        if self._account is not None:
            self._account.enter(self._box)
        super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end(error, cpu_s=None if self._account is None else self._account.leave())


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
        count = 0
        for bound, more in zip((*BOUNDS_S, math.inf), histogram.buckets, strict=True):
            count += more
            within = "+Inf" if bound == math.inf else f"{bound:g}"
            yield f'{name}_bucket{{box="{box}",le="{within}"}} {count}'
        yield f'{name}_sum{{box="{box}"}} {histogram.sum_s:.9g}'
        yield f'{name}_count{{box="{box}"}} {count}'

"""What is told of boxes in the Prometheus text format."""

import asyncio
import re
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import numpy as np
import pytest

from server.adapters.clock import SystemClock
from server.adapters.cpu import current_account, meter_tasks
from server.adapters.histogram import BOUNDS_S, SORTED_AT_ONCE, Histogram
from server.adapters.metrics import Metrics

T = TypeVar("T")


async def in_a_metered_task(work: Coroutine[Any, Any, T], metrics: Metrics) -> T:
    """Do the work in a task whose CPU is charged to boxes."""
    meter_tasks(asyncio.get_running_loop(), metrics.charge)
    return await asyncio.create_task(work)


def told(metrics: Metrics, name: str, box: str) -> float:
    """Return the value of a metric of a box."""
    found = re.search(rf'^{name}{{box="{box}"}} (.+)$', metrics.text(), re.MULTILINE)
    assert found, name
    return float(found[1])


@pytest.mark.parametrize("number", [0, 1, SORTED_AT_ONCE - 1, SORTED_AT_ONCE, 1_000])
def test_a_bucket_counts_all_up_to_its_bound_and_the_bound_itself(number: int) -> None:
    rng = np.random.default_rng(7)
    drawn_s = rng.lognormal(-6, 4, size=number).tolist()
    durations_s = [*drawn_s, *BOUNDS_S, 0.0]
    histogram = Histogram()

    for duration_s in durations_s:
        histogram.observe(duration_s)

    lines = list(histogram.lines("took_seconds", "a_box"))
    counts = {
        bound: int(count)
        for line in lines
        for bound, count in re.findall(r'le="(.+?)"} (\d+)$', line)
    }
    expected = {f"{bound:g}": sum(each <= bound for each in durations_s) for bound in BOUNDS_S}
    assert counts == {**expected, "+Inf": len(durations_s)}
    assert lines[-1] == f'took_seconds_count{{box="a_box"}} {len(durations_s)}'
    total_s = float(lines[-2].removeprefix('took_seconds_sum{box="a_box"} '))
    assert total_s == pytest.approx(sum(durations_s))


def test_a_histogram_keeps_few_durations_unsorted() -> None:
    histogram = Histogram()

    for _ in range(10 * SORTED_AT_ONCE + 1):
        histogram.observe(0.001)

    assert histogram.unsorted == 1


def test_a_stopwatch_tells_both_boxes() -> None:
    metrics = Metrics()
    stopwatch = metrics.stopwatch("api_gateway", "feed_reader")
    visits = 2 * SORTED_AT_ONCE + 3

    for _ in range(visits):
        started_s = stopwatch.start()
        stopwatch.stop(started_s, stopwatch.lap())

    inner, outer = stopwatch.timings
    assert (inner.box, outer.box) == ("feed_reader", "api_gateway")
    assert 0 <= inner.duration_s <= outer.duration_s
    for box in ("api_gateway", "feed_reader"):
        assert told(metrics, "socialfeed_box_duration_seconds_count", box) == visits
    sums_s = [
        told(metrics, "socialfeed_box_duration_seconds_sum", box)
        for box in ("feed_reader", "api_gateway")
    ]
    assert 0 < sums_s[0] <= sums_s[1]


def test_a_stopwatch_that_is_reset_tells_nothing() -> None:
    metrics = Metrics()
    stopwatch = metrics.stopwatch("api_gateway", "feed_reader")

    stopwatch.start()
    stopwatch.lap()
    stopwatch.reset()
    started_s = stopwatch.start()
    stopwatch.stop(started_s, stopwatch.lap())
    stopwatch.start()
    stopwatch.reset()

    for box in ("api_gateway", "feed_reader"):
        assert told(metrics, "socialfeed_box_duration_seconds_count", box) == 1


def test_a_stopwatch_tells_slow_visits_with_quick_ones_and_those_of_spans() -> None:
    metrics = Metrics()
    stopwatch = metrics.stopwatch("api_gateway", "feed_reader")

    for took_s, inner_s in ((0.0001, 0.00005), (0.003, 0.002), (20.0, 0.0001)):
        now_s = stopwatch.start()
        stopwatch.stop(now_s - took_s, now_s - inner_s)
    with metrics.span("feed_reader"):
        pass

    # Twice: what was told is not told again.
    for _ in range(2):
        text = metrics.text()
        counts = {
            box: [int(count) for count in re.findall(rf'_bucket{{box="{box}",le=.+?}} (\d+)', text)]
            for box in ("api_gateway", "feed_reader")
        }
        at_once, five_ms = 0, BOUNDS_S.index(0.005)
        outer, inner = counts["api_gateway"], counts["feed_reader"]
        assert (outer[at_once], outer[five_ms], outer[-2], outer[-1]) == (1, 2, 2, 3)
        assert (inner[at_once], inner[five_ms], inner[-1]) == (3, 4, 4)
    assert told(metrics, "socialfeed_box_duration_seconds_sum", "api_gateway") > 20


@pytest.mark.parametrize("laps", [0, 1])
def test_a_metered_stopwatch_that_is_reset_leaves_the_boxes_it_was_in(laps: int) -> None:
    metrics = Metrics(is_metered=True)
    stopwatch = metrics.stopwatch("api_gateway", "feed_reader")

    async def visit() -> tuple[str, str]:
        account = current_account()
        assert account
        before = account.box
        stopwatch.start()
        for _ in range(laps):
            stopwatch.lap()
        stopwatch.reset()
        return before, account.box

    before, after = asyncio.run(in_a_metered_task(visit(), metrics))

    assert before == after


def test_a_metered_stopwatch_tells_the_cpu_of_both_boxes() -> None:
    metrics = Metrics(is_metered=True)
    stopwatch = metrics.stopwatch("api_gateway", "feed_reader")

    async def visit() -> None:
        started_s = stopwatch.start()
        lap_s = stopwatch.lap()
        sum(range(100_000))
        stopwatch.stop(started_s, lap_s)

    asyncio.run(in_a_metered_task(visit(), metrics))

    inner, outer = stopwatch.timings
    assert inner.cpu_s is not None
    assert outer.cpu_s is not None
    assert outer.cpu_s >= 0
    assert inner.cpu_s > 0
    charged_s = told(metrics, "socialfeed_box_cpu_seconds_total", "feed_reader")
    assert charged_s == pytest.approx(inner.cpu_s)


def test_a_cache_is_told_before_anything_was_looked_up_in_it() -> None:
    metrics = Metrics()
    lookups = metrics.lookups("feed_cache")
    assert told(metrics, "socialfeed_cache_hits_total", "feed_cache") == 0

    lookups.hits += 3
    lookups.misses += 1

    assert told(metrics, "socialfeed_cache_hits_total", "feed_cache") == 3
    assert told(metrics, "socialfeed_cache_misses_total", "feed_cache") == 1


def test_the_process_is_told_as_the_system_sees_it() -> None:
    now_s, cpu_s = SystemClock().now_ms() / 1000, time.process_time()

    found = dict(re.findall(r"^(process_\w+) (\S+)$", Metrics().text(), re.MULTILINE))

    assert cpu_s - 0.1 <= float(found["process_cpu_seconds_total"]) <= time.process_time() + 0.1
    # The system's clock may have been set since the boot.
    assert now_s - 3_600 < float(found["process_start_time_seconds"]) < now_s + 2
    resident = float(found["process_resident_memory_bytes"])
    virtual = float(found["process_virtual_memory_bytes"])
    assert 10e6 < resident < virtual
    assert 2 < float(found["process_open_fds"]) < float(found["process_max_fds"])
    assert float(found["process_threads"]) >= threading.active_count()

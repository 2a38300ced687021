"""CPU seconds charged to the box that a task works for, however tasks take turns."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from contextvars import copy_context

import pytest

from server.adapters.cpu import OUTSIDE, meter_tasks
from server.adapters.metrics import Metrics
from server.ports.telemetry import BoxTiming, timings_of

PIECE_S = 0.02


def work(seconds: float) -> None:
    """Keep the processor busy for that much CPU time of this thread."""
    until_s = time.thread_time() + seconds
    while time.thread_time() < until_s:
        pass


async def visit(metrics: Metrics, box: str, *, pieces: int) -> None:
    """Work at a box in pieces, letting others have their turn after each."""
    with metrics.span(box):
        for _ in range(pieces):
            work(PIECE_S)
            await asyncio.sleep(0)


def metered(metrics: Metrics) -> dict[str, float]:
    """Make the running loop's next tasks metered; returns what is charged."""
    charged: dict[str, float] = defaultdict(float)

    def charge(box: str, cpu_s: float) -> None:
        charged[box] += cpu_s
        metrics.charge(box, cpu_s)

    meter_tasks(asyncio.get_running_loop(), charge)
    return charged


def test_tasks_that_take_turns_are_charged_each_for_its_own_work() -> None:
    async def run() -> dict[str, float]:
        metrics = Metrics(is_metered=True)
        charged = metered(metrics)
        await asyncio.gather(
            asyncio.create_task(visit(metrics, "feed_reader", pieces=4)),
            asyncio.create_task(visit(metrics, "like_service", pieces=1)),
        )
        return charged

    charged = asyncio.run(run())

    assert charged["feed_reader"] == pytest.approx(4 * PIECE_S, rel=0.1)
    assert charged["like_service"] == pytest.approx(PIECE_S, rel=0.1)


def test_a_box_inside_another_is_not_charged_to_the_outer_one() -> None:
    async def run() -> Sequence[BoxTiming]:
        metrics = Metrics(is_metered=True)
        metered(metrics)

        async def request() -> Sequence[BoxTiming]:
            visits = metrics.collect_visits()
            with metrics.span("api_gateway"):
                work(PIECE_S)
                await visit(metrics, "feed_reader", pieces=3)
            return timings_of(visits)

        return await asyncio.create_task(request())

    inner, outer = asyncio.run(run())

    assert (inner.box, outer.box) == ("feed_reader", "api_gateway")
    assert inner.cpu_s == pytest.approx(3 * PIECE_S, rel=0.1)
    assert outer.cpu_s == pytest.approx(PIECE_S, rel=0.1)
    assert outer.duration_s >= inner.duration_s


def test_a_task_that_a_box_makes_works_for_that_box() -> None:
    async def run() -> dict[str, float]:
        metrics = Metrics(is_metered=True)
        charged = metered(metrics)

        async def aside() -> None:
            await asyncio.sleep(0)
            work(PIECE_S)

        async def request() -> None:
            with metrics.span("feed_reader"):
                await asyncio.create_task(aside())

        await asyncio.create_task(request())
        return charged

    assert asyncio.run(run())["feed_reader"] == pytest.approx(PIECE_S, rel=0.2)


def test_a_task_of_no_box_is_told_apart() -> None:
    async def run() -> dict[str, float]:
        charged = metered(Metrics(is_metered=True))

        async def nobodys() -> None:
            work(PIECE_S)

        await asyncio.create_task(nobodys())
        return charged

    assert asyncio.run(run())[OUTSIDE] == pytest.approx(PIECE_S, rel=0.1)


def test_an_exception_and_a_cancellation_pass_through_a_metered_task() -> None:
    async def run() -> list[BaseException | None]:
        metered(Metrics(is_metered=True))

        async def fails() -> None:
            await asyncio.sleep(0)
            raise ValueError

        failing = asyncio.create_task(fails())
        waiting = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        waiting.cancel()
        return list(await asyncio.gather(failing, waiting, return_exceptions=True))

    failure, cancellation = asyncio.run(run())

    assert isinstance(failure, ValueError)
    assert isinstance(cancellation, asyncio.CancelledError)


def test_a_visit_that_goes_on_to_a_box_behind_is_a_visit_to_both() -> None:
    async def run() -> Sequence[BoxTiming]:
        metrics = Metrics(is_metered=True)
        metered(metrics)

        async def request() -> Sequence[BoxTiming]:
            visits = metrics.collect_visits()
            with metrics.span("api_gateway") as visit:
                work(PIECE_S)
                visit.on_to("feed_reader")
                work(3 * PIECE_S)
            return timings_of(visits)

        return await asyncio.create_task(request())

    inner, outer = asyncio.run(run())

    assert (inner.box, outer.box) == ("feed_reader", "api_gateway")
    assert inner.cpu_s == pytest.approx(3 * PIECE_S, rel=0.1)
    assert outer.cpu_s == pytest.approx(PIECE_S, rel=0.1)


def test_nothing_is_told_of_cpu_where_tasks_are_not_metered() -> None:
    metrics = Metrics(is_metered=True)

    def run() -> Sequence[BoxTiming]:
        visits = metrics.collect_visits()
        with metrics.span("feed_reader"):
            pass
        return timings_of(visits)

    timings = copy_context().run(run)

    assert timings[0].cpu_s is None
    assert "box_cpu_seconds" not in metrics.text()

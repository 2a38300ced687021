"""Percentiles of the open driver beside those of another client that sends the same schedule.

The other is aiohttp's client on asyncio, with sorted times instead of histograms: none of the
driver's code. The server takes a known time for each request, so that what both measure is their
queue. Both are run three times in turn, and medians compared.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence

import aiohttp
import numpy as np
import pytest

from scenarios.loader import load
from sim.loadtest.bench import Bench, LoadSpec, bench_on
from sim.loadtest.histograms import quantile_s
from sim.loadtest.plan import Plan
from sim.loadtest.traffic import scenario_traffic
from tests.e2e.load import toy_server

RATE_PER_S, SERVICE_S, DURATION_S, WARMUP_S = 20.0, 0.03, 20.0, 1.0
RUNS = 3
ONLY_READS = [
    f"activity.{name}=0" for name in ("posting_share", "likes", "comments", "follows", "unfollows")
]


@pytest.mark.timeout(300)
def test_the_open_driver_agrees_with_another_client(capsys: pytest.CaptureFixture[str]) -> None:
    scenario = load(overrides=ONLY_READS)
    ours: list[Sequence[float]] = []
    theirs: list[Sequence[float]] = []
    with toy_server("--service-s", str(SERVICE_S)) as url:
        bench = bench_on(url, scenario, users=20, seed=1)
        spec = LoadSpec(scenario_traffic(scenario).at(RATE_PER_S), DURATION_S, WARMUP_S, seed=1)
        plan = bench.plan(spec)
        for _ in range(RUNS):
            ours.append(measured(bench, plan))
            theirs.append(asyncio.run(sent_by_aiohttp(plan)))

    with capsys.disabled():
        print(f"\n{'':6}{'socialfeed':>12}{'aiohttp':>12}")
        for position, name in enumerate(("p50", "p90", "p99")):
            own = statistics.median(run[position] for run in ours)
            other = statistics.median(run[position] for run in theirs)
            print(f"{name:6}{own:12.6f}{other:12.6f}")
    for position in range(3):
        assert statistics.median(run[position] for run in ours) == pytest.approx(
            statistics.median(run[position] for run in theirs), rel=0.1
        )


def measured(bench: Bench, plan: Plan) -> Sequence[float]:
    """Return the driver's percentiles."""
    response = bench.measure(plan).flow("read_feed").response
    return [quantile_s(response, share) or 0.0 for share in (0.5, 0.9, 0.99)]


async def sent_by_aiohttp(plan: Plan) -> Sequence[float]:
    """Send a plan's reads when they are due; return percentiles from then to the answers."""
    times_s: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        start_s = time.monotonic() + 0.5

        async def ask(due_s: float, actor: int) -> None:
            path = f"/v1/feeds/{plan.user_ids[actor]}?limit={plan.settings.posts_per_page}"
            async with session.get(plan.settings.url + path) as answer:
                await answer.read()
            if due_s >= start_s + plan.settings.warmup_s:
                times_s.append(time.monotonic() - due_s)

        async with asyncio.TaskGroup() as tasks:
            schedule = plan.schedule
            for at_s, actor in zip(schedule.times_s, schedule.actors, strict=True):
                await asyncio.sleep(start_s + at_s - time.monotonic())
                tasks.create_task(ask(start_s + float(at_s), int(actor)))
    return [float(each) for each in np.quantile(times_s, (0.5, 0.9, 0.99))]

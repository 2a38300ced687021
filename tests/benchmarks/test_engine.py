"""Visits a second of the engine against SimPy as its tutorial has it: `pytest tests/benchmarks`.

Both play M/M/4 at a utilisation of 0.8 on the same machine in the same run, so that the ratio means
something where the figures do not.
"""

import statistics
import time
from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np
import pytest
import simpy

from sim.engine.replication import play
from sim.engine.sampling import BackgroundVisits
from tests.validation.stations import Fleet, System, flow, played, spec, step, whole

RUNS = 7
CUSTOMERS = 20_000
WORKERS = 4
RATE_PER_S = 3.2


def engine_visits() -> int:
    """Play the engine's M/M/4 and return its visits."""
    system = System([flow(step("db"), rate_per_s=RATE_PER_S)], {"db": Fleet(WORKERS)})
    return played(system, measured_s=CUSTOMERS / RATE_PER_S).visits


def background_visits() -> int:
    """Play the same visits as those of requests that are not followed, and return them."""
    visited = step("db")
    system = System([flow(visited, rate_per_s=0.0)], {"db": Fleet(WORKERS)})
    plan = whole(system, measured_s=CUSTOMERS / RATE_PER_S, warmup_s=0.0)
    crowd = (BackgroundVisits(step=visited, rate_per_s=RATE_PER_S),)
    return play(
        spec(system, replace(plan, boxes={"db": replace(plan.boxes["db"], visits=crowd)}))
    ).visits


def plain_visits() -> int:
    """Play one process a customer with a `simpy.Resource` and return the visits."""
    env = simpy.Environment()
    workers = simpy.Resource(env, WORKERS)
    rng = np.random.default_rng(1)
    waits_s: list[float] = []

    def customer() -> Generator[simpy.Event, object, None]:
        arrived_s = env.now
        with workers.request() as turn:
            yield turn
            waits_s.append(env.now - arrived_s)
            yield env.timeout(rng.exponential(1.0))

    def arrivals() -> Generator[simpy.Event, object, None]:
        for _ in range(CUSTOMERS):
            yield env.timeout(rng.exponential(1 / RATE_PER_S))
            env.process(customer())

    env.process(arrivals())
    env.run()
    return len(waits_s)


def visits_per_s(visits_played: Callable[[], int]) -> float:
    started_s = time.perf_counter()
    visits = visits_played()
    return visits / (time.perf_counter() - started_s)


def test_engine(capsys: pytest.CaptureFixture[str]) -> None:
    engine_visits()  # the first one fills the caches
    # In turns: what else the machine does slows all.
    plays = {
        "engine, followed": engine_visits,
        "engine, background": background_visits,
        "plain simpy.Resource": plain_visits,
    }
    runs = [[visits_per_s(each) for each in plays.values()] for _ in range(RUNS)]

    with capsys.disabled():
        print(f"\n{'M/M/4 at 0.8':<24} {'visits/s':>10} {'ratio':>6} {'least':>6} {'most':>6}")
        for column, name in enumerate(plays):
            speed = statistics.median(run[column] for run in runs)
            ratios = [run[column] / run[-1] for run in runs]
            told = f"{statistics.median(ratios):6.2f} {min(ratios):6.2f} {max(ratios):6.2f}"
            print(f"{name:<24} {speed:10,.0f} {told}")

"""Batches that keep their workers and wait for disks, turns that go on: exactly, and by theory."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import simpy

from sim.engine.batches import BatchStation
from sim.engine.sampling import BoxSample
from sim.engine.stations import Process, Station
from sim.estimates.workload import Habits
from sim.theory.intervals import mean_interval
from sim.theory.mg1 import mg1_waiting_time_s
from tests.validation.stations import System, Takes, flow, played, step

ALWAYS = (0.0, float("inf"))


def sample(box: str, habits: Habits) -> BoxSample:
    return BoxSample(box, 1, 1, 1, pooled=False, visits=(), batches=(), habits=habits)


def station(
    env: simpy.Environment,
    habits: Habits = Habits(),  # noqa: B008 - frozen
    measured_s: tuple[float, float] = ALWAYS,
) -> Station:
    rng = np.random.default_rng(1)
    return Station(env, sample("core", habits), balancer="random", rng=rng, measured_s=measured_s)


def batches(env: simpy.Environment, habits: Habits, host: Station | None = None) -> BatchStation:
    return BatchStation(
        env,
        sample("disk", habits),
        balancer="random",
        rng=np.random.default_rng(1),
        measured_s=ALWAYS,
        host=host,
    )


def visited(
    env: simpy.Environment, core: Station, *, after_s: Sequence[float]
) -> Sequence[tuple[float, float]]:
    """Return when visits of 1 s came, the first at 0, others after pauses; and what each took."""
    told = []

    def visits() -> Process:
        for pause_s in (0.0, *after_s):
            yield env.timeout(pause_s)
            begun_s = env.now
            yield from core.serve(0, 1.0)
            told.append((begun_s, env.now - begun_s))

    env.process(visits())
    env.run()
    return told


def test_each_visit_adds_to_its_batch() -> None:
    env = simpy.Environment()
    disk = batches(env, Habits(batch=4))
    ends_s = []

    def visit() -> Process:
        yield from disk.serve(0, 1.0, 0.25)
        ends_s.append(env.now)

    for _ in range(4):
        env.process(visit())
    env.run()

    # The first is served alone, the three that came meanwhile together.
    assert ends_s == [1.25, 3.0, 3.0, 3.0]


def test_a_worker_that_gathers_rests_after_a_batch_that_was_not_full() -> None:
    env = simpy.Environment()
    consumer = batches(env, Habits(batch=2, gathers_s=10.0))
    ends_s = []

    def event(at_s: float) -> Process:
        yield env.timeout(at_s)
        yield from consumer.serve(0, 1.0)
        ends_s.append(env.now)

    for at_s in (0.0, 2.0, 3.0, 4.0, 40.0):
        env.process(event(at_s))
    env.run()

    # Two gather until 11; that batch is full, so that the fourth, who has waited too, is next at
    # once. The last comes when the rest is over.
    assert ends_s == [1.0, 12.0, 12.0, 13.0, 41.0]


def test_a_batch_keeps_its_worker_until_the_last_visit_gives_it_back() -> None:
    env = simpy.Environment()
    consumer = batches(env, Habits(batch=4))
    begun_s = []

    def event(away_s: float) -> Process:
        kept = yield from consumer.serve_and_keep(0, 1.0)
        begun_s.append(env.now - 1.0)
        yield env.timeout(away_s)
        kept.release(now_s=env.now)

    for away_s in (5.0, 2.0, 3.0):
        env.process(event(away_s))
    env.run()

    # The second batch begins when the first one's visit is back, after 1 + 5 seconds.
    assert begun_s == [0.0, 6.0, 6.0]
    assert consumer.loads() == [0]


def test_the_core_is_free_while_a_batch_waits_for_the_disk() -> None:
    env = simpy.Environment()
    core = station(env)
    disk = batches(env, Habits(batch=4, wait_s=10.0), core)
    log = []

    def write() -> Process:
        yield from disk.serve(0, 1.0)
        log.append(("written", env.now))

    def read() -> Process:
        yield env.timeout(0.5)
        yield from core.serve(0, 2.0)
        log.append(("read", env.now))

    env.process(write())
    env.process(read())
    env.run()

    assert log == [("read", 3.0), ("written", 11.0)]
    assert core.busy_s == pytest.approx(3.0)


def test_a_worker_wakes_up_after_a_pause_and_not_between_two_visits() -> None:
    env = simpy.Environment()
    core = station(env, Habits(wake_up_s=0.5, wake_up_work_s=0.25))
    ends_s = []

    def visits() -> Process:
        yield from core.serve(0, 1.0)
        yield from core.serve(0, 1.0)
        ends_s.append(env.now)
        yield env.timeout(1.0)
        yield from core.serve(0, 1.0)
        ends_s.append(env.now)

    env.process(visits())
    env.run()

    assert ends_s == [2.75, 5.5]
    assert core.wake_ups == 2
    # The time until it is awake is no work.
    assert core.busy_s == pytest.approx(3.5)


def test_the_longer_a_worker_slept_the_more_waking_up_adds() -> None:
    env = simpy.Environment()
    core = station(env, Habits(wake_up_work_s=0.25, cold_work_s=2.0, cools_in_s=3.0))
    took_s = [served_s for _, served_s in visited(env, core, after_s=(0.0, 1.0, 3.0, 30.0))]

    # The first finds it as cold as it gets, the second at once.
    cold = [1.0, 0.0, 1 - math.exp(-1 / 3), 1 - math.exp(-1), 1 - math.exp(-10)]
    added_s = [0.25 * (each > 0) + 2.0 * each for each in cold]
    assert took_s == pytest.approx([1.0 + each_s for each_s in added_s])
    assert core.wake_ups == 4
    assert core.coldness == pytest.approx(sum(cold))
    assert core.busy_s == pytest.approx(sum(took_s))


def test_only_sleep_that_ends_while_it_is_measured_is_counted() -> None:
    env = simpy.Environment()
    habits = Habits(cold_work_s=2.0, cools_in_s=3.0)
    core = station(env, habits, measured_s=(10.0, 20.0))
    begun_s = [at_s for at_s, _ in visited(env, core, after_s=(1.0, 6.0, 30.0))]

    assert [10.0 <= at_s < 20.0 for at_s in begun_s] == [False, False, True, False]
    assert core.wake_ups == 1
    assert core.coldness == pytest.approx(1 - math.exp(-2))


def test_a_worker_that_does_not_cool_is_as_warm_after_a_long_sleep() -> None:
    env = simpy.Environment()
    core = station(env, Habits(wake_up_work_s=0.25))

    def visits() -> Process:
        yield env.timeout(100.0)
        yield from core.serve(0, 1.0)

    env.process(visits())
    env.run()

    assert env.now == pytest.approx(101.25)
    assert (core.wake_ups, core.coldness) == (1, 0.0)


@pytest.mark.slow
def test_steps_in_one_turn_are_one_visit_to_the_worker() -> None:
    rate_per_s = 1.4
    one_turn = Takes(goes_on=True)
    steps = (
        step("core", 0.25, name="gateway", takes=one_turn),
        step("core", 0.25, name="reader", after=(0,), takes=one_turn),
    )
    system = System([flow(*steps, rate_per_s=rate_per_s)])

    def theory(slower: float) -> float:
        # One visit of two exponential parts: SCV 1/2.
        waiting_s = mg1_waiting_time_s(
            arrival_rate_per_s=rate_per_s, mean_service_time_s=0.5 * slower, service_scv=0.5
        )
        return waiting_s + 0.5 * slower

    found = mean_interval(
        [
            float(
                played(system, measured_s=12_000, warmup_s=200, seed=seed)
                .response_times_s["read"]
                .mean()
            )
            for seed in range(12)
        ],
        confidence=0.9995,
    )

    print(f"theory {theory(1):.4f} in {found}")
    assert found.covers(theory(1))
    assert not found.covers(theory(1.05))

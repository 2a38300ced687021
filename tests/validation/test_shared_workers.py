"""Batches, and boxes that share the workers of one, against queueing theory."""

from dataclasses import replace

import pytest
from scipy.optimize import brentq

from scenarios.loader import load
from sim.estimates.book import open_sheet
from sim.estimates.workload import Habits, WorkFlow, work_flow
from sim.theory.intervals import Interval, mean_interval
from sim.theory.mg1 import mg1_waiting_time_s
from tests.validation.stations import Fleet, System, Takes, flow, played, step

pytestmark = pytest.mark.slow

CONFIDENCE = 0.9995
REPLICATIONS = 12
SLOWER = 1.05


def mean_response_s(system: System, name: str, *, measured_s: float) -> Interval:
    """Return the interval of a flow's mean response time over replications."""
    return mean_interval(
        [
            float(
                played(system, measured_s=measured_s, warmup_s=measured_s / 50, seed=seed)
                .response_times_s[name]
                .mean()
            )
            for seed in range(REPLICATIONS)
        ],
        confidence=CONFIDENCE,
    )


def bulk_response_s(*, rate_per_s: float, mean_service_s: float, batch: int) -> float:
    """Mean time in a queue whose one worker serves up to `batch` at once, exponentially.

    While the worker is busy, n wait with a probability that falls as r^n, where r is the root in
    (0, 1) of μ r^(b+1) - (λ + μ) r + λ = 0; an idle worker is μ/λ as likely as a busy one with
    nobody waiting. Little's law turns the mean number into the mean time.

    Source: Medhi, Stochastic Models in Queueing Theory, 2nd ed. (2003), section 4.3.
    """
    service_rate = 1 / mean_service_s
    root = brentq(
        lambda r: service_rate * r ** (batch + 1) - (rate_per_s + service_rate) * r + rate_per_s,
        0.0,
        1 - 1e-9,
    )
    alone = 1 / (service_rate / rate_per_s + 1 / (1 - root))
    waiting = alone * root / (1 - root) ** 2
    return waiting / rate_per_s + mean_service_s


@pytest.mark.parametrize(("batch", "rate_per_s"), [(2, 1.2), (4, 2.0), (256, 5.0)])
def test_a_batch_waits_as_the_bulk_service_queue_says(batch: int, rate_per_s: float) -> None:
    system = System(
        [flow(step("disk", takes=Takes(habits=Habits(batch=batch))), rate_per_s=rate_per_s)]
    )

    found = mean_response_s(system, "read", measured_s=12_000 / rate_per_s)

    def theory(slower: float) -> float:
        return bulk_response_s(rate_per_s=rate_per_s, mean_service_s=slower, batch=batch)

    print(f"batch {batch}: theory {theory(1):.4f} in {found}")
    assert found.covers(theory(1))
    assert not found.covers(theory(SLOWER))


def test_a_batch_of_one_is_a_queue() -> None:
    theory_s = bulk_response_s(rate_per_s=0.6, mean_service_s=1.0, batch=1)

    assert theory_s == pytest.approx(1 / (1 - 0.6))


def test_an_idle_worker_wakes_up_before_it_serves() -> None:
    rate_per_s, wake_up_s = 0.5, 0.8
    system = System(
        [flow(step("core", takes=Takes(habits=Habits(wake_up_s=wake_up_s))), rate_per_s=rate_per_s)]
    )

    def theory(wake_s: float) -> float:
        # Only the first visit of a busy period has it: M/G/1 with an exceptional first service
        # (Welch, Operations Research 12 (1964)), here a constant on top of an exponential.
        added_s = (2 * wake_s + rate_per_s * wake_s**2) / (2 * (1 + rate_per_s * wake_s))
        return 1 / (1 - rate_per_s) + added_s

    found = mean_response_s(system, "read", measured_s=24_000)

    print(f"theory {theory(wake_up_s):.4f} in {found}")
    assert found.covers(theory(wake_up_s))
    assert not found.covers(theory(0))


def test_a_worker_that_slept_for_longer_takes_more_to_wake() -> None:
    rate_per_s, cools_in_s, cold_s = 0.5, 2.0, 1.6
    habits = Habits(cold_work_s=cold_s, cools_in_s=cools_in_s)
    system = System([flow(step("core", takes=Takes(habits=habits)), rate_per_s=rate_per_s)])

    def theory(cold_work_s: float) -> float:
        # Welch, as above, with an extra D = K (1 - e^(-T/c)) after an idle time T that is
        # exponential, so that E[e^(-T/c)] = a / (1 + a) and E[e^(-2T/c)] = a / (2 + a), a = λc. How
        # long the busy period before was does not matter to T, so that extras are independent.
        a = rate_per_s * cools_in_s
        first = cold_work_s / (1 + a)
        second = cold_work_s**2 * (1 - 2 * a / (1 + a) + a / (2 + a))
        added_s = (2 * first + rate_per_s * second) / (2 * (1 + rate_per_s * first))
        return 1 / (1 - rate_per_s) + added_s

    found = mean_response_s(system, "read", measured_s=24_000)

    print(f"theory {theory(cold_s):.4f} in {found}")
    assert found.covers(theory(cold_s))
    assert not found.covers(theory(0))
    # Nor does it take all of the work every time.
    assert not found.covers(theory(cold_s * (1 + rate_per_s * cools_in_s)))


@pytest.mark.parametrize("scv", [0.5, 4.0])
def test_short_turns_share_a_worker_whatever_the_service_times_vary(scv: float) -> None:
    rate_per_s = 0.7
    takes = Takes(habits=Habits(turn_s=0.05))
    system = System([flow(step("core", scv=scv, takes=takes), rate_per_s=rate_per_s)])

    def theory(slower: float) -> float:
        # Processor sharing: only the mean counts (Kleinrock, Queueing Systems vol. 2 (1976),
        # section 4.4).
        return slower / (1 - rate_per_s * slower)

    found = mean_response_s(system, "read", measured_s=16_000)

    print(f"SCV {scv}: theory {theory(1):.4f} in {found}")
    assert found.covers(theory(1))
    assert not found.covers(theory(1 / 1.2))


SHARED = """
extends = "startup"
name = "shared"

[boxes.core]
machine = "small"
kind = "service"
service_time = "1s"

[boxes.quick]
machine = "small"
kind = "service"
runs_on = "core"
service_time = "0.2s"
scv = 0.5

[boxes.slow]
machine = "small"
kind = "service"
runs_on = "core"
service_time = "2s"
scv = 1

[flows.quick]
title = "quick"
per_user = 1
steps = [{ box = "quick" }]

[flows.slow]
title = "slow"
per_user = 1
steps = [{ box = "slow" }]
"""


def test_boxes_on_one_worker_wait_for_the_mixture_of_their_work(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("scenario") / "shared.toml"
    path.write_text(SHARED)
    sheet = open_sheet(load(str(path)))
    rates_per_s = {"quick": 1.0, "slow": 0.25}
    flows = [_at_rate(sheet.once(work_flow, name), rates_per_s[name]) for name in rates_per_s]
    system = System(flows, {"core": Fleet()})
    moments = {"quick": (0.2, 0.2**2 * 1.5), "slow": (2.0, 2.0**2 * 2)}
    rate_per_s = sum(rates_per_s.values())
    mean_s, square_s2 = (
        sum(rates_per_s[name] * moments[name][moment] for name in moments) / rate_per_s
        for moment in (0, 1)
    )

    def waiting_s(slower: float) -> float:
        return mg1_waiting_time_s(
            arrival_rate_per_s=rate_per_s,
            mean_service_time_s=mean_s * slower,
            service_scv=square_s2 / mean_s**2 - 1,
        )

    found = mean_response_s(system, "quick", measured_s=12_000)

    print(f"theory {waiting_s(1) + 0.2:.4f} in {found}")
    assert found.covers(waiting_s(1) + 0.2)
    assert not found.covers(waiting_s(1 / 1.2) + 0.2)


def _at_rate(flow: WorkFlow, rate_per_s: float) -> WorkFlow:
    return replace(flow, requests_per_s=rate_per_s)

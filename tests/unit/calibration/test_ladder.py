"""The loads of a calibration: chosen by how busy the core was under those before."""

from collections.abc import Callable
from itertools import pairwise

from sim.calibration.ladder import (
    FULL,
    LEAST_LARGER,
    LOW_LOAD_PER_S,
    MOST_GROWTH,
    MOST_LARGER,
    Rung,
    next_rate_per_s,
)


def climbed(cpu_s_per_request: Callable[[float], float]) -> list[Rung]:
    """Return the loads of a server that uses so much for a request under a load."""

    def rung(rate_per_s: float) -> Rung:
        return Rung(rate_per_s, rate_per_s * cpu_s_per_request(rate_per_s))

    found = [rung(LOW_LOAD_PER_S)]
    while (rate_per_s := next_rate_per_s(found)) is not None:
        found.append(rung(rate_per_s))
    return found


def test_a_server_that_uses_the_same_under_any_load_is_measured_until_it_is_nearly_full() -> None:
    loads = climbed(lambda _: 0.001)

    assert loads[-1].rate_per_s * 0.001 == FULL
    assert all(load.busy <= FULL for load in loads)


def test_a_server_that_uses_less_the_busier_it_is_is_measured_near_its_maximum() -> None:
    """7 ms for a request that has a server to itself, 0.4 ms for one among very many."""
    loads = climbed(lambda rate_per_s: 0.0004 + 0.0066 / (1 + rate_per_s / 40))

    assert 0.8 < loads[-1].busy <= FULL
    assert len(loads) <= 1 + MOST_LARGER


def test_no_load_is_many_times_the_one_before() -> None:
    loads = climbed(lambda _: 0.0001)

    rates = [load.rate_per_s for load in loads]
    assert all(later <= MOST_GROWTH * rate for rate, later in pairwise(rates))


def test_a_server_that_is_full_at_once_is_measured_under_some_loads_all_the_same() -> None:
    loads = climbed(lambda _: 0.07)

    assert len(loads) == 1 + LEAST_LARGER
    assert loads[1].rate_per_s > loads[0].rate_per_s


def test_a_server_that_uses_ever_less_is_measured_so_often_at_most() -> None:
    assert len(climbed(lambda rate_per_s: 0.1 / rate_per_s)) == 1 + MOST_LARGER

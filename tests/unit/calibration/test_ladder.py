"""The loads of a calibration: chosen by how busy the core was under those before."""

from collections.abc import Callable
from itertools import pairwise

from sim.calibration.ladder import (
    LEAST_GROWTH,
    LOW_LOAD_PER_S,
    MOST_GROWTH,
    MOST_GROWTH_BUSY,
    MOST_LARGER,
    Rung,
    next_rate_per_s,
)


def climbed(cpu_s_per_request: Callable[[float], float], *, most_per_s: float) -> list[Rung]:
    """Return the loads that a server keeps up with that uses so much for a request under each."""
    found: list[Rung] = []
    rate_per_s: float | None = LOW_LOAD_PER_S
    while rate_per_s is not None and rate_per_s <= most_per_s:
        found.append(Rung(rate_per_s, min(1.0, rate_per_s * cpu_s_per_request(rate_per_s))))
        rate_per_s = next_rate_per_s(found)
    return found


def test_a_server_that_uses_the_same_under_any_load_is_measured_where_it_is_nearly_full() -> None:
    loads = climbed(lambda _: 0.001, most_per_s=1_000)

    assert 0.85 < loads[-1].busy < 1


def test_a_server_that_uses_less_the_busier_it_is_is_measured_near_its_maximum() -> None:
    """7 ms for a request that has a server to itself, 0.4 ms for one among very many."""
    loads = climbed(lambda rate_per_s: 0.0004 + 0.0066 / (1 + rate_per_s / 40), most_per_s=1_870)

    assert 1_870 / LEAST_GROWTH < loads[-1].rate_per_s <= 1_870
    assert len(loads) <= 1 + MOST_LARGER


def test_a_core_that_only_seems_full_is_offered_more() -> None:
    loads = climbed(lambda rate_per_s: min(0.0013, 0.9 / rate_per_s), most_per_s=1_650)

    assert loads[-1].rate_per_s > 1_650 / MOST_GROWTH_BUSY


def test_no_load_is_many_times_the_one_before() -> None:
    loads = climbed(lambda _: 0.0001, most_per_s=10_000)

    assert all(
        LEAST_GROWTH * one.rate_per_s * 0.999 <= other.rate_per_s <= MOST_GROWTH * one.rate_per_s
        for one, other in pairwise(loads)
    )


def test_a_server_that_keeps_up_with_everything_is_measured_so_often_at_most() -> None:
    assert len(climbed(lambda _: 0.1, most_per_s=1e9)) == 1 + MOST_LARGER

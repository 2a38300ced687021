"""Availability in closed form."""

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.theory.availability import (
    active_active_unavailability,
    component_unavailability,
    downtime_s_per_year,
    k_of_n_unavailability,
    parallel_unavailability,
    series_unavailability,
    zoned_unavailability,
)
from sim.theory.errors import OutOfRangeError

probabilities = st.floats(0, 1)


def exact_k_of_n(needed: int, total: int, unavailability: float) -> Fraction:
    down = Fraction(unavailability)
    return sum(
        (
            math.comb(total, failed) * down**failed * (1 - down) ** (total - failed)
            for failed in range(total - needed + 1, total + 1)
        ),
        Fraction(0),
    )


def test_a_disk_that_fails_every_999_hours_for_one_is_down_a_thousandth() -> None:
    assert component_unavailability(mttf_s=999 * 3_600, mttr_s=3_600) == pytest.approx(0.001)


def test_five_nines_are_315_seconds_a_year() -> None:
    assert downtime_s_per_year(unavailability=1e-5) == pytest.approx(315.36)


def test_tiny_unavailabilities_in_series_add_up() -> None:
    assert series_unavailability([1e-18] * 1_000) == pytest.approx(1e-15, rel=1e-12)


@given(parts=st.lists(probabilities, min_size=1, max_size=6))
def test_series_and_parallel_enclose_every_part(parts: list[float]) -> None:
    both = parallel_unavailability(parts), series_unavailability(parts)

    assert both[0] <= min(parts) * (1 + 1e-12)
    assert both[1] >= max(parts) * (1 - 1e-12)


def test_a_part_that_is_always_down_takes_the_series_down() -> None:
    assert series_unavailability([0.1, 1.0]) == 1


@pytest.mark.parametrize(
    ("needed", "total", "unavailability"),
    [(2, 3, 1e-9), (5, 8, 1e-4), (95, 100, 0.01), (290, 300, 0.002), (1, 20, 0.3), (50, 60, 0.4)],
)
def test_k_of_n_keeps_its_digits(needed: int, total: int, unavailability: float) -> None:
    exact = exact_k_of_n(needed, total, unavailability)

    assert k_of_n_unavailability(
        needed=needed, total=total, unavailability=unavailability
    ) == pytest.approx(float(exact), rel=1e-11)


def test_thousands_of_instances_keep_the_digits_of_a_tiny_risk() -> None:
    tail = k_of_n_unavailability(needed=4_900, total=5_000, unavailability=0.005)

    assert tail == pytest.approx(float(stats.binom.sf(100, 5_000, 0.005)), rel=1e-9)
    assert 0 < tail < 1e-20


@given(total=st.integers(1, 300), data=st.data(), unavailability=st.floats(0, 1))
def test_needing_more_of_the_same_instances_is_never_safer(
    total: int, data: st.DataObject, unavailability: float
) -> None:
    needed = data.draw(st.integers(0, total))

    fewer, more = (
        k_of_n_unavailability(needed=count, total=total, unavailability=unavailability)
        for count in (needed, needed + 1)
    )

    assert fewer <= more * (1 + 1e-9)


@given(parts=st.integers(1, 9), unavailability=st.floats(1e-6, 0.9))
def test_one_of_n_is_parallel_and_n_of_n_is_series(parts: int, unavailability: float) -> None:
    one, every = (
        k_of_n_unavailability(needed=needed, total=parts, unavailability=unavailability)
        for needed in (1, parts)
    )

    assert one == pytest.approx(parallel_unavailability([unavailability] * parts))
    assert every == pytest.approx(series_unavailability([unavailability] * parts))


def test_zones_that_fail_as_one_are_the_sum_over_every_state() -> None:
    sizes, needed, zone_down, down = (3, 2, 2), 4, 0.03, 0.05
    expected = 0.0
    for zones in itertools.product((True, False), repeat=3):
        for up in itertools.product((True, False), repeat=7):
            homes = [zone for zone, size in enumerate(sizes) for _ in range(size)]
            serving = sum(alive and zones[home] for alive, home in zip(up, homes, strict=True))
            if serving < needed:
                weights = [zone_down if not zone else 1 - zone_down for zone in zones]
                weights += [down if not alive else 1 - down for alive in up]
                expected += math.prod(weights)

    assert zoned_unavailability(
        needed=needed,
        instances_per_zone=sizes,
        zone_unavailability=zone_down,
        instance_unavailability=down,
    ) == pytest.approx(expected)


def test_zones_that_never_fail_change_nothing() -> None:
    assert zoned_unavailability(
        needed=10, instances_per_zone=(4, 4, 4), zone_unavailability=0, instance_unavailability=0.01
    ) == pytest.approx(k_of_n_unavailability(needed=10, total=12, unavailability=0.01))


def test_a_fleet_that_needs_every_zone_is_no_better_than_its_zones() -> None:
    unavailability = zoned_unavailability(
        needed=7,
        instances_per_zone=(3, 3, 3),
        zone_unavailability=1e-4,
        instance_unavailability=1e-9,
    )

    assert unavailability == pytest.approx(series_unavailability([1e-4] * 3), rel=1e-6)


def test_nothing_needed_is_always_there() -> None:
    assert (
        zoned_unavailability(
            needed=0, instances_per_zone=(1,), zone_unavailability=0.5, instance_unavailability=0.5
        )
        == 0
    )


def test_instant_failover_leaves_the_loss_of_too_many_regions() -> None:
    unavailability = active_active_unavailability(
        regions=3, needed_regions=2, mttf_s=999_000, mttr_s=1_000, failover_s=0
    )

    assert unavailability == pytest.approx(3e-6 - 2e-9, rel=1e-9)


def test_slow_failover_is_as_bad_as_one_region() -> None:
    unavailability = active_active_unavailability(
        regions=2, needed_regions=1, mttf_s=999_000, mttr_s=1_000, failover_s=86_400
    )

    assert unavailability == pytest.approx(0.001, rel=0.002)


@pytest.mark.parametrize("unavailability", [-1e-9, 1.5, float("nan")])
def test_shares_of_time_outside_the_unit_interval_are_refused(unavailability: float) -> None:
    with pytest.raises(OutOfRangeError, match="unavailability"):
        series_unavailability([unavailability])

"""The search for the largest load."""

from collections.abc import Callable

import pytest

from sim.loadtest.find_max import SearchEndedError, find_max, scalability
from sim.results.loadtest import Level


def level(rate: float, *, good: bool | None, achieved: float = 0.0, mean_s: float = 0.01) -> Level:
    return Level(
        offered_per_s=rate,
        achieved_per_s=achieved or rate,
        good=good,
        mean_s=mean_s,
        p50_s=None,
        p99_s=None,
        freshness_p99_s=None,
        server_cpu=None,
        because="" if good else "too slow",
    )


def limited(limit: float) -> Callable[[float, int], Level]:
    return lambda rate, _: level(rate, good=rate <= limit)


@pytest.mark.parametrize("limit", [3.0, 50.0, 51.0, 200.0, 777.0, 12_345.0])
def test_the_limit_lies_between_last_good_and_first_bad(limit: float) -> None:
    found = find_max(limited(limit), start_per_s=50).breakpoint

    assert found.last_good_per_s is not None
    assert found.first_bad_per_s is not None
    assert found.last_good_per_s <= limit < found.first_bad_per_s
    assert found.first_bad_per_s / found.last_good_per_s <= 1.05


def test_one_bad_measurement_of_a_good_load_is_forgiven() -> None:
    def noisy(rate: float, number: int) -> Level:
        return level(rate, good=rate <= 400 and number != 2)

    found = find_max(noisy, start_per_s=50).breakpoint

    assert found.last_good_per_s == pytest.approx(400, rel=0.05)


def test_nothing_good_has_no_last_good() -> None:
    found = find_max(limited(0.5), start_per_s=8).breakpoint

    assert found.last_good_per_s is None
    assert found.first_bad_per_s == 1


def test_a_load_that_cannot_be_measured_bounds_the_search_but_is_not_called_bad() -> None:
    def saturated(rate: float, _: int) -> Level:
        return level(rate, good=None if rate > 300 else True)

    found = find_max(saturated, start_per_s=50).breakpoint

    assert found.last_good_per_s == pytest.approx(300, rel=0.05)
    assert found.first_bad_per_s is None


def test_a_load_that_was_bad_once_and_then_not_measured_is_tried_again() -> None:
    verdicts = iter([True, False, None, True, False, False])

    def uncertain(rate: float, _: int) -> Level:
        return level(rate, good=next(verdicts) if rate in {50, 100, 200} else False)

    found = find_max(uncertain, start_per_s=50)

    assert [each.good for each in found.levels[:6]] == [True, False, None, True, False, False]
    assert found.breakpoint.last_good_per_s == 100


def test_a_load_is_bad_only_if_it_was_measured_to_be_bad_twice() -> None:
    verdicts = {100.0: iter([False, None, None])}

    def uncertain(rate: float, _: int) -> Level:
        return level(rate, good=next(verdicts.get(rate, iter([rate <= 95]))))

    found = find_max(uncertain, start_per_s=50).breakpoint

    assert found.first_bad_per_s != 100


def test_a_search_that_ends_between_two_loads_keeps_those_before_once() -> None:
    def dying(rate: float, _: int) -> Level:
        if rate > 50:
            raise SearchEndedError("gone")
        return level(rate, good=True)

    found = find_max(dying, start_per_s=50)

    assert [each.offered_per_s for each in found.levels] == [50]
    assert found.breakpoint.ended_because == "gone"


def test_the_law_is_fitted_to_measured_loads_only() -> None:
    measured = [level(rate, good=True, mean_s=0.01) for rate in (100, 200, 300)]
    odd = [level(900, good=None, achieved=1, mean_s=50.0)]

    assert scalability([*measured, *odd]) == scalability(measured)


def test_below_a_load_that_cannot_be_measured_a_bad_one_is_found() -> None:
    def overloaded(rate: float, _: int) -> Level:
        return level(rate, good=None if rate > 350 else rate <= 250)

    found = find_max(overloaded, start_per_s=50).breakpoint

    assert found.last_good_per_s == pytest.approx(250, rel=0.05)
    assert found.first_bad_per_s == pytest.approx(250, rel=0.05)


def test_a_search_that_ends_early_keeps_what_it_has() -> None:
    def dying(rate: float, _: int) -> Level:
        if rate > 150:
            raise SearchEndedError("gone", level(rate, good=None))
        return level(rate, good=True)

    found = find_max(dying, start_per_s=50)

    assert [each.offered_per_s for each in found.levels] == [50, 100, 200]
    assert found.breakpoint.last_good_per_s == 100


def test_the_law_of_scalability_is_recovered() -> None:
    rate, sigma, kappa = 100.0, 0.05, 0.001
    levels = []
    for in_progress in (1, 2, 4, 8, 16, 32):
        scale = 1 + sigma * (in_progress - 1) + kappa * in_progress * (in_progress - 1)
        throughput = rate * in_progress / scale
        levels.append(
            level(throughput, good=True, achieved=throughput, mean_s=in_progress / throughput)
        )

    law = scalability(levels)

    assert law is not None
    assert law.rate_per_s == pytest.approx(rate)
    assert law.contention == pytest.approx(sigma)
    assert law.coherency == pytest.approx(kappa)
    # Gunther: the peak is at sqrt((1 - sigma) / kappa) = 30.8.
    assert law.peak_per_s == pytest.approx(
        rate * 30.82 / (1 + sigma * 29.82 + kappa * 30.82 * 29.82), rel=1e-3
    )
    assert law.r_squared == pytest.approx(1.0)


def test_two_levels_tell_no_law() -> None:
    assert scalability([level(10, good=True), level(20, good=True)]) is None

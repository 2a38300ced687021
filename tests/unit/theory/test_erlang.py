"""Erlang B and C."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.theory.erlang import erlang_b, erlang_c
from sim.theory.errors import OutOfRangeError, UnstableQueueError


@pytest.mark.parametrize(
    ("workers", "offered_load_erlangs"),
    [(1, 0.0101), (5, 1.361), (10, 4.461), (20, 12.03), (50, 37.90), (100, 84.06)],
)
def test_erlang_b_meets_the_one_percent_column_of_the_trunking_tables(
    workers: int, offered_load_erlangs: float
) -> None:
    # ITU-D, Teletraffic Engineering Handbook (2002), table of the Erlang B formula, B = 1 %.
    blocking = erlang_b(workers=workers, offered_load_erlangs=offered_load_erlangs)

    assert blocking == pytest.approx(0.01, rel=2e-3)


@pytest.mark.parametrize("workers", [1, 7, 300, 5_000])
@pytest.mark.parametrize("utilisation", [0.3, 0.9, 1.0, 1.4])
def test_erlang_b_is_the_full_state_of_a_truncated_poisson_distribution(
    workers: int, utilisation: float
) -> None:
    load = workers * utilisation
    truncated = stats.poisson.logpmf(workers, load) - stats.poisson.logcdf(workers, load)

    blocking = erlang_b(workers=workers, offered_load_erlangs=load)

    assert blocking == pytest.approx(math.exp(truncated), rel=1e-8)


def test_two_of_three_doctors_busy_make_four_ninths_wait() -> None:
    # Gross & Harris, Fundamentals of Queueing Theory, 3rd ed., section 2.3, the eye clinic.
    assert erlang_c(workers=3, offered_load_erlangs=2) == pytest.approx(4 / 9)


@given(load=st.floats(0, 0.999))
def test_one_worker_delays_in_proportion_to_its_utilisation(load: float) -> None:
    assert erlang_c(workers=1, offered_load_erlangs=load) == pytest.approx(load, abs=1e-15)


@given(workers=st.integers(1, 400), utilisation=st.floats(0.01, 0.98))
def test_waiting_is_likelier_than_loss_and_grows_with_load(
    workers: int, utilisation: float
) -> None:
    load = workers * utilisation
    delayed = erlang_c(workers=workers, offered_load_erlangs=load)

    busier = erlang_c(workers=workers, offered_load_erlangs=load * 1.01)

    assert erlang_b(workers=workers, offered_load_erlangs=load) <= delayed <= busier <= 1


def test_an_idle_station_delays_nobody() -> None:
    assert erlang_c(workers=4, offered_load_erlangs=0) == 0


def test_a_saturated_station_has_no_steady_state() -> None:
    with pytest.raises(UnstableQueueError, match=r"utilisation is 1\.25") as refusal:
        erlang_c(workers=4, offered_load_erlangs=5)

    assert refusal.value.utilisation == 1.25


@pytest.mark.parametrize(("workers", "load"), [(0, 1.0), (3, -1.0), (3, float("nan"))])
def test_impossible_stations_are_refused_by_name(workers: int, load: float) -> None:
    with pytest.raises(OutOfRangeError, match=r"workers|offered_load_erlangs"):
        erlang_b(workers=workers, offered_load_erlangs=load)

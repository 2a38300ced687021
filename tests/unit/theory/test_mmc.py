"""M/M/1 and M/M/c."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from sim.theory.errors import OutOfRangeError, UnstableQueueError
from sim.theory.mm1 import mm1_response_time_quantile_s, mm1_response_time_s
from sim.theory.mmc import (
    mmc_response_time_cdf,
    mmc_response_time_quantile_s,
    mmc_response_time_s,
    mmc_waiting_time_quantile_s,
    mmc_waiting_time_s,
)
from tests.unit.theory.reference_queues import poisson_arrivals_s, waiting_times_s

utilisations = st.floats(0.01, 0.97)
worker_counts = st.integers(1, 60)


def test_four_workers_at_four_fifths_wait_as_the_facts_say() -> None:
    waiting_s = mmc_waiting_time_s(arrival_rate_per_s=3.2, service_rate_per_s=1, workers=4)

    assert waiting_s == pytest.approx(0.74554, abs=5e-6)


def test_the_99th_percentile_of_four_workers_is_as_the_facts_say() -> None:
    waiting_s = mmc_waiting_time_quantile_s(
        arrival_rate_per_s=3.2, service_rate_per_s=1, workers=4, quantile=0.99
    )

    assert waiting_s == pytest.approx(5.1105, abs=5e-5)


def test_patients_of_the_eye_clinic_stay_26_54ths_of_an_hour() -> None:
    # Gross & Harris, Fundamentals of Queueing Theory, 3rd ed., section 2.3; rates per hour there.
    stay = mmc_response_time_s(arrival_rate_per_s=6, service_rate_per_s=3, workers=3)

    assert stay == pytest.approx(26 / 54)


@given(utilisation=utilisations, quantile=st.floats(0, 0.9999))
def test_one_worker_is_the_single_worker_queue(utilisation: float, quantile: float) -> None:
    rates = {"arrival_rate_per_s": 5 * utilisation, "service_rate_per_s": 5.0}

    assert mmc_response_time_s(**rates, workers=1) == pytest.approx(mm1_response_time_s(**rates))
    assert mmc_response_time_quantile_s(**rates, workers=1, quantile=quantile) == pytest.approx(
        mm1_response_time_quantile_s(**rates, quantile=quantile), abs=1e-12
    )


def test_half_the_customers_of_one_worker_leave_within_the_median() -> None:
    median_s = mm1_response_time_quantile_s(
        arrival_rate_per_s=8, service_rate_per_s=10, quantile=0.5
    )

    assert median_s == pytest.approx(stats.expon.median(scale=0.5))


@given(workers=worker_counts, utilisation=utilisations)
def test_means_are_the_areas_over_their_distributions(workers: int, utilisation: float) -> None:
    rates = {"arrival_rate_per_s": workers * utilisation, "service_rate_per_s": 1.0}
    longest_s = mmc_response_time_quantile_s(**rates, workers=workers, quantile=1 - 1e-12)

    area_s, _ = integrate.quad(
        lambda time_s: 1 - mmc_response_time_cdf(time_s=time_s, **rates, workers=workers),
        0,
        longest_s,
        limit=200,
    )

    assert area_s == pytest.approx(mmc_response_time_s(**rates, workers=workers), rel=1e-6)


@given(workers=worker_counts, utilisation=utilisations, quantile=st.floats(0.001, 0.99999))
def test_the_quantile_inverts_the_distribution(
    workers: int, utilisation: float, quantile: float
) -> None:
    rates = {"arrival_rate_per_s": workers * utilisation, "service_rate_per_s": 1.0}
    time_s = mmc_response_time_quantile_s(**rates, workers=workers, quantile=quantile)

    share = mmc_response_time_cdf(time_s=time_s, **rates, workers=workers)

    assert share == pytest.approx(quantile, abs=1e-12)


@given(time_s=st.floats(0.01, 30), tilt=st.sampled_from([-1e-9, 1e-9, -1e-13, 1e-13]))
def test_equal_rates_of_wait_and_service_are_no_special_case(time_s: float, tilt: float) -> None:
    # Two workers at utilisation 1/2: the spare rate equals the service rate.
    at_tie = mmc_response_time_cdf(
        time_s=time_s, arrival_rate_per_s=1, service_rate_per_s=1, workers=2
    )

    beside = mmc_response_time_cdf(
        time_s=time_s, arrival_rate_per_s=1 + tilt, service_rate_per_s=1, workers=2
    )

    assert beside == pytest.approx(at_tie, abs=1e-8)


@given(workers=worker_counts, utilisation=utilisations, more=st.floats(1.001, 1.03))
def test_more_load_means_longer_waits(workers: int, utilisation: float, more: float) -> None:
    loads = [workers * utilisation, workers * utilisation * more]

    shorter_s, longer_s = (
        mmc_waiting_time_s(arrival_rate_per_s=load, service_rate_per_s=1, workers=workers)
        for load in loads
    )

    assert shorter_s < longer_s


def test_those_who_find_a_free_worker_wait_zero() -> None:
    waiting_s = mmc_waiting_time_quantile_s(
        arrival_rate_per_s=2, service_rate_per_s=1, workers=4, quantile=0.8
    )

    assert waiting_s == 0


def test_a_played_station_agrees_with_both_quantiles() -> None:
    means_s, waits_s, responses_s = [], [], []
    for rng in np.random.default_rng(4).spawn(10):
        arrivals_s = poisson_arrivals_s(rng, rate_per_s=3.0, customers=60_000)
        services_s = rng.exponential(1, arrivals_s.size)
        played_s = waiting_times_s(arrivals_s, services_s, workers=4)[5_000:]
        means_s.append(played_s.mean())
        waits_s.append(np.quantile(played_s, 0.99))
        responses_s.append(np.quantile(played_s + services_s[5_000:], 0.99))
    station = {"arrival_rate_per_s": 3.0, "service_rate_per_s": 1.0}

    for played, theory_s in (
        (means_s, mmc_waiting_time_s(**station, workers=4)),
        (waits_s, mmc_waiting_time_quantile_s(**station, workers=4, quantile=0.99)),
        (responses_s, mmc_response_time_quantile_s(**station, workers=4, quantile=0.99)),
    ):
        assert stats.ttest_1samp(played, theory_s).pvalue > 0.001


def test_the_saturated_worker_is_refused() -> None:
    with pytest.raises(UnstableQueueError):
        mm1_response_time_s(arrival_rate_per_s=1, service_rate_per_s=1)


@pytest.mark.parametrize("quantile", [-0.1, 1.0, float("nan")])
def test_quantiles_outside_the_unit_interval_are_refused(quantile: float) -> None:
    with pytest.raises(OutOfRangeError, match="quantile"):
        mmc_response_time_quantile_s(
            arrival_rate_per_s=1, service_rate_per_s=1, workers=2, quantile=quantile
        )

"""M/G/1, M/D/c and the approximations for GI/G/c."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from sim.theory.errors import OutOfRangeError, UnstableQueueError
from sim.theory.gigc import gigc_waiting_time_quantile_s, gigc_waiting_time_s, least_workers
from sim.theory.mdc import mdc_waiting_time_cdf, mdc_waiting_time_quantile_s, mdc_waiting_time_s
from sim.theory.mg1 import mg1_response_time_s, mg1_waiting_time_s
from sim.theory.mm1 import mm1_response_time_s
from sim.theory.mmc import mmc_waiting_time_quantile_s, mmc_waiting_time_s
from tests.unit.theory.reference_queues import poisson_arrivals_s, waiting_times_s

utilisations = st.floats(0.01, 0.97)


def number_waiting(workers: int, load: float, states: int) -> NDArray[np.float64]:
    """Stationary number waiting in M/D/c, from one service time to the next, by linear algebra."""
    arrivals = stats.poisson.pmf(np.arange(states + workers), load)
    moves = np.zeros((states, states))
    for waiting in range(states):
        after = np.maximum(0, np.arange(states + workers) + waiting - workers)
        np.add.at(moves[waiting], np.minimum(after, states - 1), arrivals)
    balance = moves.T - np.eye(states)
    balance[-1] = 1
    return np.linalg.solve(balance, np.eye(states)[-1])


@given(utilisation=utilisations)
def test_exponential_service_is_the_single_worker_markov_queue(utilisation: float) -> None:
    response_s = mg1_response_time_s(
        arrival_rate_per_s=utilisation / 3, mean_service_time_s=3, service_scv=1
    )

    assert response_s == pytest.approx(
        mm1_response_time_s(arrival_rate_per_s=utilisation / 3, service_rate_per_s=1 / 3)
    )


def test_a_played_lognormal_worker_agrees_with_pollaczek_and_khinchine() -> None:
    sigma = math.sqrt(math.log(1 + 2.0))
    means_s = []
    for rng in np.random.default_rng(11).spawn(20):
        arrivals_s = poisson_arrivals_s(rng, rate_per_s=0.5, customers=100_000)
        services_s = rng.lognormal(-sigma * sigma / 2, sigma, arrivals_s.size)
        means_s.append(waiting_times_s(arrivals_s, services_s, workers=1)[5_000:].mean())

    theory_s = mg1_waiting_time_s(arrival_rate_per_s=0.5, mean_service_time_s=1.0, service_scv=2.0)

    assert stats.ttest_1samp(means_s, theory_s).pvalue > 0.001


@given(utilisation=utilisations)
def test_one_constant_worker_waits_as_pollaczek_and_khinchine_say(utilisation: float) -> None:
    station = {"arrival_rate_per_s": utilisation * 4, "mean_service_time_s": 0.25}

    assert mdc_waiting_time_s(**station, workers=1) == pytest.approx(
        mg1_waiting_time_s(**station, service_scv=0)
    )


@pytest.mark.parametrize(
    ("workers", "utilisation"), [(2, 0.5), (3, 0.9), (5, 0.8), (10, 0.9), (25, 0.7)]
)
def test_constant_workers_wait_as_the_chain_of_their_queue_says(
    workers: int, utilisation: float
) -> None:
    load = workers * utilisation
    chain = number_waiting(workers, load, states=400)

    waiting_s = mdc_waiting_time_s(arrival_rate_per_s=load, mean_service_time_s=1, workers=workers)

    assert waiting_s == pytest.approx(chain @ np.arange(400) / load, rel=1e-7)


@pytest.mark.parametrize("services", [0.0, 0.3, 1.0, 1.7, 2.0, 4.25])
def test_one_constant_worker_has_erlangs_distribution(services: float) -> None:
    # Erlang 1909, with exact binary fractions where its alternating sum loses digits.
    terms = [
        (0.75 * (k - services)) ** k / math.factorial(k) * math.exp(-0.75 * (k - services))
        for k in range(math.floor(services) + 1)
    ]

    started = mdc_waiting_time_cdf(
        time_s=services * 8, arrival_rate_per_s=0.75 / 8, mean_service_time_s=8, workers=1
    )

    assert started == pytest.approx(0.25 * math.fsum(terms), rel=1e-11)


@settings(deadline=None, max_examples=40)  # hundreds of inversions an example
@given(workers=st.integers(1, 12), utilisation=st.floats(0.3, 0.9))
def test_the_distribution_of_constant_workers_has_their_mean(
    workers: int, utilisation: float
) -> None:
    station = {
        "arrival_rate_per_s": workers * utilisation,
        "mean_service_time_s": 1.0,
    }
    longest_s = max(1.0, mdc_waiting_time_quantile_s(**station, workers=workers, quantile=1 - 1e-8))
    # Smooth between multiples of the service time: Gauss-Legendre on each piece.
    nodes, weights = np.polynomial.legendre.leggauss(6)
    area_s = math.fsum(
        weight
        / 2
        * (1 - mdc_waiting_time_cdf(time_s=piece + (node + 1) / 2, **station, workers=workers))
        for piece in range(math.ceil(longest_s))
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True)
    )

    assert area_s == pytest.approx(
        mdc_waiting_time_s(**station, workers=workers), rel=2e-5, abs=1e-7
    )


def test_played_constant_workers_agree_with_mean_and_99th_percentile() -> None:
    means_s, highs_s = [], []
    for rng in np.random.default_rng(12).spawn(10):
        arrivals_s = poisson_arrivals_s(rng, rate_per_s=3.2, customers=60_000)
        played_s = waiting_times_s(arrivals_s, np.ones_like(arrivals_s), workers=4)[3_000:]
        means_s.append(played_s.mean())
        highs_s.append(np.quantile(played_s, 0.99))
    station = {"arrival_rate_per_s": 3.2, "mean_service_time_s": 1.0}

    high_s = mdc_waiting_time_quantile_s(**station, workers=4, quantile=0.99)

    assert stats.ttest_1samp(means_s, mdc_waiting_time_s(**station, workers=4)).pvalue > 0.001
    assert stats.ttest_1samp(highs_s, high_s).pvalue > 0.001


@pytest.mark.parametrize(("workers", "utilisation"), [(1, 0.999), (300, 0.9), (2_000, 0.999)])
def test_constant_service_saves_up_to_half_of_the_wait(workers: int, utilisation: float) -> None:
    load = workers * utilisation
    constant_s = mdc_waiting_time_s(arrival_rate_per_s=load, mean_service_time_s=1, workers=workers)

    exponential_s = mmc_waiting_time_s(
        arrival_rate_per_s=load, service_rate_per_s=1, workers=workers
    )

    assert 0.5 <= constant_s / exponential_s * (1 + 1e-9) < 1


def test_an_idle_constant_station_makes_nobody_wait() -> None:
    idle = {"arrival_rate_per_s": 0.0, "mean_service_time_s": 1.0}

    assert mdc_waiting_time_s(**idle, workers=3) == 0
    assert mdc_waiting_time_cdf(time_s=0, **idle, workers=3) == 1
    assert mdc_waiting_time_quantile_s(**idle, workers=3, quantile=0.999) == 0


def test_a_percentile_without_digits_left_is_refused() -> None:
    with pytest.raises(OutOfRangeError, match="quantile"):
        mdc_waiting_time_quantile_s(
            arrival_rate_per_s=1, mean_service_time_s=1, workers=3, quantile=1 - 1e-12
        )


@given(workers=st.integers(1, 100), utilisation=utilisations, quantile=st.floats(0, 0.999))
def test_allen_cunneen_is_exact_for_exponential_times(
    workers: int, utilisation: float, quantile: float
) -> None:
    rate_per_s = workers * utilisation
    general = {
        "arrival_rate_per_s": rate_per_s,
        "mean_service_time_s": 1.0,
        "arrival_scv": 1.0,
        "service_scv": 1.0,
    }
    markov = {"arrival_rate_per_s": rate_per_s, "service_rate_per_s": 1.0}

    assert gigc_waiting_time_s(**general, workers=workers) == pytest.approx(
        mmc_waiting_time_s(**markov, workers=workers)
    )
    assert gigc_waiting_time_quantile_s(
        **general, workers=workers, quantile=quantile
    ) == pytest.approx(
        mmc_waiting_time_quantile_s(**markov, workers=workers, quantile=quantile), abs=1e-12
    )


@given(utilisation=utilisations, service_scv=st.floats(0, 20))
def test_allen_cunneen_is_exact_for_one_worker_and_poisson_arrivals(
    utilisation: float, service_scv: float
) -> None:
    station = {
        "arrival_rate_per_s": utilisation,
        "mean_service_time_s": 1.0,
        "service_scv": service_scv,
    }

    assert gigc_waiting_time_s(**station, workers=1, arrival_scv=1) == pytest.approx(
        mg1_waiting_time_s(**station)
    )


@pytest.mark.parametrize(("workers", "utilisation"), [(2, 0.8), (8, 0.9), (20, 0.95)])
def test_allen_cunneen_is_within_a_twelfth_for_busy_constant_workers(
    workers: int, utilisation: float
) -> None:
    station = {
        "arrival_rate_per_s": workers * utilisation,
        "mean_service_time_s": 1.0,
    }

    approximate_s = gigc_waiting_time_s(**station, workers=workers, arrival_scv=1, service_scv=0)

    assert approximate_s == pytest.approx(
        mdc_waiting_time_s(**station, workers=workers), rel=1 / 12
    )


@given(
    load=st.floats(0, 500),
    scv=st.floats(0, 10),
    most_utilisation=st.floats(0.3, 0.95),
    most_waiting_time_s=st.floats(1e-6, 10),
)
def test_the_least_workers_meet_both_bounds_and_one_fewer_do_not(
    load: float, scv: float, most_utilisation: float, most_waiting_time_s: float
) -> None:
    demand = {
        "arrival_rate_per_s": load * 100,
        "mean_service_time_s": 0.01,
        "arrival_scv": 1.0,
        "service_scv": scv,
    }

    def suffices(workers: int) -> bool:
        utilisation = demand["arrival_rate_per_s"] * demand["mean_service_time_s"] / workers
        return utilisation <= most_utilisation * (1 + 1e-11) and gigc_waiting_time_s(
            **demand, workers=workers
        ) <= most_waiting_time_s * (1 + 1e-9)

    workers = least_workers(
        **demand, most_utilisation=most_utilisation, most_waiting_time_s=most_waiting_time_s
    )

    assert suffices(workers)
    assert workers == 1 or not suffices(workers - 1)


def test_a_load_that_fills_the_target_exactly_takes_no_extra_worker() -> None:
    workers = least_workers(
        arrival_rate_per_s=7,
        mean_service_time_s=0.7,
        arrival_scv=0,
        service_scv=0,
        most_utilisation=0.7,
        most_waiting_time_s=1,
    )

    assert workers == 7


def test_nobody_arriving_still_takes_one_worker() -> None:
    workers = least_workers(
        arrival_rate_per_s=0,
        mean_service_time_s=1,
        arrival_scv=1,
        service_scv=1,
        most_utilisation=0.5,
        most_waiting_time_s=1,
    )

    assert workers == 1


def test_a_target_of_full_utilisation_is_refused() -> None:
    with pytest.raises(OutOfRangeError, match="most_utilisation"):
        least_workers(
            arrival_rate_per_s=1,
            mean_service_time_s=1,
            arrival_scv=1,
            service_scv=1,
            most_utilisation=1,
            most_waiting_time_s=1,
        )


def test_a_saturated_general_worker_is_refused() -> None:
    with pytest.raises(UnstableQueueError):
        mg1_waiting_time_s(arrival_rate_per_s=2, mean_service_time_s=1, service_scv=1)

"""Jackson networks and the response time along a path."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats

from sim.theory.errors import (
    NoExitError,
    RoutingShareError,
    UnknownStationError,
    UnstableQueueError,
)
from sim.theory.mm1 import mm1_response_time_s
from sim.theory.mmc import mmc_response_time_cdf, mmc_response_time_quantile_s
from sim.theory.networks import JacksonStation, jackson_network, traffic_rates_per_s
from sim.theory.phases import hypoexponential_cdf, hypoexponential_quantile_s
from sim.theory.tandems import PathStation, path_response_time
from tests.unit.theory.reference_queues import poisson_arrivals_s, waiting_times_s

GATEWAY = JacksonStation(workers=4, service_rate_per_s=1)
CACHE = JacksonStation(workers=2, service_rate_per_s=2)
DB = JacksonStation(workers=8, service_rate_per_s=1 / 15)


def test_the_feeds_tandem_responds_in_the_time_of_the_facts() -> None:
    load = jackson_network(
        stations={"gateway": GATEWAY, "cache": CACHE, "db": DB},
        external_rates_per_s={"gateway": 3.2},
        routing={"gateway": {"cache": 1.0}, "cache": {"db": 0.1}},
    )

    assert load.response_time_s == pytest.approx(4.69984, abs=5e-6)


def test_customers_in_the_network_are_those_at_its_stations() -> None:
    load = jackson_network(
        stations={"gateway": GATEWAY, "cache": CACHE, "db": DB},
        external_rates_per_s={"gateway": 2.0, "db": 0.1},
        routing={"gateway": {"cache": 1.0}, "cache": {"gateway": 0.2, "db": 0.1}},
    )

    inside = sum(
        each.queue_length + each.utilisation * station.workers
        for each, station in zip(load.stations.values(), (GATEWAY, CACHE, DB), strict=True)
    )
    assert inside == pytest.approx(load.throughput_per_s * load.response_time_s)


@given(again=st.floats(0, 0.7))
def test_feedback_is_a_slower_worker(again: float) -> None:
    # A customer that comes again with probability p stays as long as with one service at (1 - p) μ.
    load = jackson_network(
        stations={"db": JacksonStation(workers=1, service_rate_per_s=4)},
        external_rates_per_s={"db": 1.0},
        routing={"db": {"db": again}},
    )

    assert load.response_time_s == pytest.approx(
        mm1_response_time_s(arrival_rate_per_s=1, service_rate_per_s=4 * (1 - again))
    )


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 12))
def test_traffic_balances_at_every_station(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(size + 1), size)[:, :size]
    external = rng.uniform(0, 5, size)
    names = [f"station {number}" for number in range(size)]

    rates = traffic_rates_per_s(
        external_rates_per_s=dict(zip(names, external.tolist(), strict=True)),
        routing={
            name: dict(zip(names, row, strict=True))
            for name, row in zip(names, shares.tolist(), strict=True)
        },
    )

    arriving = np.array([rates[name] for name in names])
    assert arriving == pytest.approx(external + shares.T @ arriving)


def test_a_loop_without_exit_is_refused() -> None:
    with pytest.raises(NoExitError, match="a, b") as refusal:
        traffic_rates_per_s(
            external_rates_per_s={"a": 1.0}, routing={"a": {"b": 1.0}, "b": {"a": 1.0}}
        )

    assert refusal.value.stations == ("a", "b")


@pytest.mark.parametrize("shares", [{"b": 0.8, "a": 0.3}, {"b": -0.1}, {"b": float("nan")}])
def test_shares_that_are_no_probabilities_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(RoutingShareError, match="'a'"):
        traffic_rates_per_s(external_rates_per_s={"a": 1.0}, routing={"a": shares})


def test_the_station_that_cannot_keep_up_is_named() -> None:
    with pytest.raises(UnstableQueueError, match="'cache'"):
        jackson_network(
            stations={"gateway": GATEWAY, "cache": JacksonStation(1, 2)},
            external_rates_per_s={"gateway": 3.0},
            routing={"gateway": {"cache": 1.0}},
        )


def test_a_route_to_nowhere_is_refused() -> None:
    with pytest.raises(UnknownStationError, match="'cdn'"):
        jackson_network(
            stations={"gateway": GATEWAY},
            external_rates_per_s={"gateway": 1.0},
            routing={"gateway": {"cdn": 0.5}},
        )


@settings(deadline=None)  # matrix products in plain Python
@given(
    rates_per_s=st.lists(st.floats(0.01, 1_000), min_size=1, max_size=5),
    scale=st.floats(0, 5),
)
def test_a_sum_of_exponentials_is_the_matrix_exponential(
    rates_per_s: list[float], scale: float
) -> None:
    time_s = scale * sum(1 / rate_per_s for rate_per_s in rates_per_s)
    generator = np.diag([-rate for rate in rates_per_s]) + np.diag(rates_per_s[:-1], 1)

    tail = 1 - hypoexponential_cdf(time_s=time_s, rates_per_s=rates_per_s)

    assert tail == pytest.approx(linalg.expm(generator * time_s)[0].sum(), abs=1e-9)


@settings(deadline=None)  # matrix products in plain Python
@given(phases=st.integers(1, 8), quantile=st.floats(0.01, 0.9999))
def test_equal_rates_give_erlangs_distribution(phases: int, quantile: float) -> None:
    time_s = hypoexponential_quantile_s(quantile=quantile, rates_per_s=[3.0] * phases)

    assert time_s == pytest.approx(stats.gamma.ppf(quantile, phases, scale=1 / 3), rel=1e-9)


@given(workers=st.integers(1, 50), utilisation=st.floats(0.05, 0.95), time_s=st.floats(0, 20))
def test_a_path_of_one_station_is_that_station(
    workers: int, utilisation: float, time_s: float
) -> None:
    rate_per_s = workers * utilisation
    path = path_response_time([PathStation(rate_per_s, 1.0, workers)])

    assert 1 - path.tail(time_s) == pytest.approx(
        mmc_response_time_cdf(
            time_s=time_s, arrival_rate_per_s=rate_per_s, service_rate_per_s=1, workers=workers
        ),
        abs=1e-12,
    )


def test_a_tandem_of_single_workers_is_the_sum_of_their_spare_times() -> None:
    path = path_response_time([PathStation(1, 2, 1), PathStation(1, 3, 1), PathStation(1, 1.5, 1)])

    assert path.quantile_s(0.99) == pytest.approx(
        hypoexponential_quantile_s(quantile=0.99, rates_per_s=[1, 2, 0.5])
    )


def test_a_branch_nobody_takes_adds_nothing() -> None:
    path = path_response_time([PathStation(3, 1, 4), PathStation(0, 1, 8, visit_probability=0)])

    assert path.quantile_s(0.99) == pytest.approx(
        mmc_response_time_quantile_s(
            arrival_rate_per_s=3, service_rate_per_s=1, workers=4, quantile=0.99
        )
    )


def test_the_paths_mean_is_that_of_the_network() -> None:
    path = path_response_time(
        [PathStation(3.2, 1, 4), PathStation(3.2, 2, 2), PathStation(0.32, 1 / 15, 8, 0.1)]
    )

    assert path.mean_s() == pytest.approx(4.69984, abs=5e-6)


def test_a_quantile_within_those_who_skip_every_station_is_zero() -> None:
    assert path_response_time([PathStation(0.1, 1, 1, 0.25)]).quantile_s(0.7) == 0


def played_tandem_p99_s(rng: np.random.Generator) -> float:
    """99th percentile through gateway, cache and, for a tenth, db."""
    entered_s = poisson_arrivals_s(rng, rate_per_s=3.2, customers=120_000)
    at_s = entered_s.copy()
    for mean_s, workers, share in ((1.0, 4, 1.0), (0.5, 2, 1.0), (15.0, 8, 0.1)):
        in_order = np.argsort(at_s, kind="stable")
        visitors = in_order[rng.random(in_order.size) < share]
        services_s = rng.exponential(mean_s, visitors.size)
        at_s[visitors] += services_s + waiting_times_s(at_s[visitors], services_s, workers)
    settled = slice(20_000, -2_000)
    return float(np.quantile((at_s - entered_s)[settled], 0.99))


@pytest.mark.slow
def test_a_played_tandem_has_the_paths_99th_percentile() -> None:
    played_s = [played_tandem_p99_s(rng) for rng in np.random.default_rng(5).spawn(16)]

    path = path_response_time(
        [PathStation(3.2, 1, 4), PathStation(3.2, 2, 2), PathStation(0.32, 1 / 15, 8, 0.1)]
    )

    assert np.mean(played_s) == pytest.approx(path.quantile_s(0.99), rel=0.015)
    assert stats.ttest_1samp(played_s, path.quantile_s(0.99)).pvalue > 0.001

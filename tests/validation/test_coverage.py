"""How often the intervals that reports print cover the truth, on a queue that theory knows.

An exact sampler plays M/M/1 by Lindley's recursion, so that hundreds of experiments take seconds.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.percentiles import Samples, quantile_interval_s
from sim.theory.intervals import Interval, mean_interval, share_interval
from sim.theory.mm1 import mm1_response_time_s
from sim.theory.mmc import mmc_response_time_quantile_s
from tests.validation.lindley import response_times_s

EXPERIMENTS = 400
REPLICATIONS = 8
CUSTOMERS = 4_000
WARMUP = 500
RATE_PER_S = 0.6
CONFIDENCE = 0.9995

P99_S = mmc_response_time_quantile_s(
    arrival_rate_per_s=RATE_PER_S, service_rate_per_s=1.0, workers=1, quantile=0.99
)
MEAN_S = mm1_response_time_s(arrival_rate_per_s=RATE_PER_S, service_rate_per_s=1.0)

P99_BIAS = 0.03
"""A replication's own 99th percentile is a little low, and its errors are skewed: of intervals that
should cover 95 % of the time, this much less is allowed."""


def replications_s(rng: np.random.Generator) -> NDArray[np.float64]:
    """Response times of one worker, replications by customers, the warm-up removed."""
    shape = (REPLICATIONS, WARMUP + CUSTOMERS)
    services_s = rng.exponential(1.0, shape)
    return response_times_s(rng.exponential(1 / RATE_PER_S, shape), services_s)[:, WARMUP:]


@dataclass(frozen=True, slots=True)
class Experiment:
    """What one experiment of some replications would print."""

    mean_s: Interval
    p99_s: tuple[float, float]


def experiment(rng: np.random.Generator) -> Experiment:
    responses_s = replications_s(rng)
    interval_s = quantile_interval_s([Samples.joined([(each, 1.0)]) for each in responses_s], 0.99)
    assert interval_s is not None
    return Experiment(mean_interval(responses_s.mean(axis=1).tolist(), confidence=0.95), interval_s)


@pytest.fixture(scope="module")
def experiments() -> list[Experiment]:
    return [experiment(rng) for rng in np.random.default_rng(17).spawn(EXPERIMENTS)]


def share_covering(covering: list[bool]) -> Interval:
    found = share_interval(successes=sum(covering), trials=len(covering), confidence=CONFIDENCE)
    print(f"covered {sum(covering) / len(covering):.1%}")
    return found


@pytest.mark.slow
def test_intervals_of_the_mean_cover_it_as_often_as_they_say(
    experiments: list[Experiment],
) -> None:
    covering = share_covering([each.mean_s.covers(MEAN_S) for each in experiments])

    assert covering.covers(0.95)


@pytest.mark.slow
def test_intervals_of_the_99th_percentile_cover_it_nearly_as_often_as_they_say(
    experiments: list[Experiment],
) -> None:
    covering = share_covering(
        [low <= P99_S <= high for low, high in (x.p99_s for x in experiments)]
    )

    assert covering.high > 0.95 - P99_BIAS
    assert covering.low < 0.95
    assert covering.estimate > 0.95 - 2 * P99_BIAS


@pytest.mark.slow
def test_intervals_half_as_wide_would_be_found_out(experiments: list[Experiment]) -> None:
    halves = [
        abs(MEAN_S - each.mean_s.estimate) <= each.mean_s.half_width / 2 for each in experiments
    ]

    assert share_covering(halves).high < 0.95 - 2 * P99_BIAS


def weighted_interval_covers(rng: np.random.Generator) -> bool:
    """Experiment on two flows of one law, the second followed at a tenth of the first's rate.

    A tenth of all requests take 100 s longer: the 95th percentile of all is the median of those.
    """
    replications = [
        Samples.joined([(rng.exponential(1.0, 900), 1.0), (100 + rng.exponential(1.0, 10), 10.0)])
        for _ in range(REPLICATIONS)
    ]
    interval_s = quantile_interval_s(replications, 0.95)
    assert interval_s is not None
    return interval_s[0] <= 100 + math.log(2) <= interval_s[1]


def test_weights_make_flows_followed_at_different_rates_one_system() -> None:
    rngs = np.random.default_rng(23).spawn(EXPERIMENTS)

    covering = share_covering([weighted_interval_covers(rng) for rng in rngs])

    assert covering.high > 0.95 - P99_BIAS

"""What the engine says of one machine under a load that somebody else chooses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from scenarios.model import Scenario
from sim.calibration.playing import busiest, machine_under
from sim.loadtest.canaries import FIRST_PAUSE_S, LONGEST_PAUSE_S, PAUSE_GROWTH

NOBODY: Mapping[str, float] = MappingProxyType({})
"""A client that takes no time."""

SATURATED = 1.0
"""From this utilisation on a queue grows for as long as the load lasts: it has no percentiles."""

_LEAST_BEYOND = 5
"""Requests beyond a percentile for it to be told."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the engine says of a load; None where it cannot tell.

    Attributes:
        p50_s, p99_s: response times, by flow.
        freshness_p50_s, freshness_p99_s: from a post's confirmation until the watchers of a load
            test have read it.
        utilisation: of the busiest box, in closed form, batches full; from 1 on it saturates.
        busy: part of the time that the busiest box's workers were seen at work.
    """

    p50_s: Mapping[str, float | None]
    p99_s: Mapping[str, float | None]
    freshness_p50_s: float | None
    freshness_p99_s: float | None
    utilisation: float
    busy: float


def predicted(
    scenario: Scenario,
    rates_per_s: Mapping[str, float],
    *,
    seed: int,
    speed: float = 1.0,
    client_s: Mapping[str, float] = NOBODY,
) -> Predicted:
    """Return what a load test sees of one instance of each box under these requests a second.

    `speed` is how fast the machine is, over its speed when it was calibrated; `client_s` what the
    load generator takes itself of a response, by flow.
    """
    machine = machine_under(scenario, rates_per_s, speed=speed)
    utilisation = machine.utilisation
    if utilisation >= SATURATED:
        nothing = dict.fromkeys(rates_per_s)
        return Predicted(nothing, nothing, None, None, utilisation=utilisation, busy=1.0)
    results = machine.played(seed=seed)
    times_s = {
        name: _pooled([r.response_times_s[name] for r in results]) + client_s.get(name, 0.0)
        for name in rates_per_s
    }
    read_s = _quantile(times_s.get(_READ_FEED, np.empty(0)), 0.5) or 0.0
    freshness_s = as_watched(
        _pooled([each for r in results for each in r.freshness_s.values()]), read_s=read_s
    )
    return Predicted(
        p50_s={name: _quantile(each, 0.5) for name, each in times_s.items()},
        p99_s={name: _quantile(each, 0.99) for name, each in times_s.items()},
        freshness_p50_s=_quantile(freshness_s, 0.5),
        freshness_p99_s=_quantile(freshness_s, 0.99),
        utilisation=utilisation,
        busy=busiest(scenario, results),
    )


_READ_FEED = "read_feed"


def as_watched(freshness_s: NDArray[np.float64], *, read_s: float) -> NDArray[np.float64]:
    """Return when posts that are in feeds after these times are found by who reads again and again.

    A load test's watcher reads after pauses that grow; it has found the post when a read that began
    after the post was there is answered, `read_s` later.
    """
    starts_s, pause_s = [FIRST_PAUSE_S], FIRST_PAUSE_S
    longest_s = float(freshness_s.max()) if len(freshness_s) else 0.0
    while starts_s[-1] < longest_s:
        pause_s = min(pause_s * PAUSE_GROWTH, LONGEST_PAUSE_S)
        starts_s.append(starts_s[-1] + read_s + pause_s)
    starts = np.asarray(starts_s)
    return np.asarray(starts[np.searchsorted(starts, freshness_s)] + read_s)


def capacity_per_s(scenario: Scenario, rates_per_s: Mapping[str, float]) -> float:
    """Return the rate, in this mix, at which the first box saturates."""
    return sum(rates_per_s.values()) / machine_under(scenario, rates_per_s).utilisation


def _pooled(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate(parts) if parts else np.empty(0)


def _quantile(times_s: NDArray[np.float64], share: float) -> float | None:
    if len(times_s) * (1 - share) < _LEAST_BEYOND:
        return None
    return float(np.quantile(times_s, share))

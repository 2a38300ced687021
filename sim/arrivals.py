"""Arrivals: when requests come, as a Poisson process whose rate changes from slice to slice."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def arrival_times_s(
    rng: np.random.Generator, *, edges_s: Sequence[float], rates_per_s: Sequence[float]
) -> NDArray[np.float64]:
    """Return the sorted arrival times of a Poisson process, seconds, shape (arrivals,).

    The rate is `rates_per_s[i]` from `edges_s[i]` to `edges_s[i + 1]`. Times are drawn on the scale
    of expected arrivals and mapped back, so nothing starts anew, and nothing is lost, at an edge.

    Raises:
        ValueError: if there is not one more edge than rates, edges do not rise, or a rate is
            negative.

    Source: Cinlar, Introduction to Stochastic Processes (1975), section 4.7 (time change).
    """
    edges, rates = np.asarray(edges_s, dtype=float), np.asarray(rates_per_s, dtype=float)
    if len(edges) != len(rates) + 1 or np.any(np.diff(edges) <= 0) or np.any(rates < 0):
        message = "expected rising edges, one more than rates, and rates of zero or more"
        raise ValueError(message)
    expected = np.concatenate([[0.0], np.cumsum(rates * np.diff(edges))])
    arrivals = rng.poisson(expected[-1])
    drawn = np.sort(rng.random(arrivals)) * expected[-1]
    # Where the rate is zero the map stands still; searchsorted steps over such slices.
    slices = np.clip(np.searchsorted(expected, drawn, side="right") - 1, 0, len(rates) - 1)
    safe_rates = np.where(rates > 0, rates, 1.0)
    times: NDArray[np.float64] = edges[slices] + (drawn - expected[slices]) / safe_rates[slices]
    return times

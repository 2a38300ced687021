"""Queues played customer by customer: an independent reference for the formulas."""

import heapq

import numpy as np
from numpy.typing import NDArray


def waiting_times_s(
    arrivals_s: NDArray[np.float64], services_s: NDArray[np.float64], workers: int
) -> NDArray[np.float64]:
    """Wait of each customer, first come first served, from an empty station."""
    free_at_s = [0.0] * workers
    waits_s = np.empty_like(arrivals_s)
    for customer, (arrival_s, service_s) in enumerate(
        zip(arrivals_s.tolist(), services_s.tolist(), strict=True)
    ):
        start_s = max(arrival_s, free_at_s[0])
        heapq.heapreplace(free_at_s, start_s + service_s)
        waits_s[customer] = start_s - arrival_s
    return waits_s


def poisson_arrivals_s(
    rng: np.random.Generator, *, rate_per_s: float, customers: int
) -> NDArray[np.float64]:
    """Arrival times of a Poisson process."""
    return rng.exponential(1 / rate_per_s, customers).cumsum()

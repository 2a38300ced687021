"""M/M/1: one worker, Poisson arrivals, exponential service times, first come first served."""

import math

from sim.theory.ranges import (
    require_non_negative,
    require_positive,
    require_quantile,
    require_stable,
)


def mm1_response_time_s(*, arrival_rate_per_s: float, service_rate_per_s: float) -> float:
    """Mean time from arrival to departure.

    Raises:
        OutOfRangeError: if a rate is negative or not finite.
        UnstableQueueError: if arrivals are not slower than service.

    Source: Kleinrock, Queueing Systems vol. 1 (1975), section 3.2.
    """
    require_non_negative(arrival_rate_per_s=arrival_rate_per_s)
    require_positive(service_rate_per_s=service_rate_per_s)
    require_stable(offered_load_erlangs=arrival_rate_per_s / service_rate_per_s, workers=1)
    return 1 / (service_rate_per_s - arrival_rate_per_s)


def mm1_response_time_quantile_s(
    *, arrival_rate_per_s: float, service_rate_per_s: float, quantile: float
) -> float:
    """Time within which this share of customers has departed; the response is exponential.

    Raises:
        OutOfRangeError: if a rate is negative, or the quantile not in [0, 1).
        UnstableQueueError: if arrivals are not slower than service.

    Source: Kleinrock, Queueing Systems vol. 1 (1975), chapter 5.
    """
    require_quantile(quantile=quantile)
    mean_s = mm1_response_time_s(
        arrival_rate_per_s=arrival_rate_per_s, service_rate_per_s=service_rate_per_s
    )
    return -mean_s * math.log1p(-quantile)

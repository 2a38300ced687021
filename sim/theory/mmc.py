"""M/M/c: one queue, c workers, Poisson arrivals, exponential service, first come first served."""

import math

from sim.theory.erlang import erlang_c
from sim.theory.ranges import require_non_negative, require_positive, require_quantile
from sim.theory.roots import root_above


def mmc_waiting_time_s(
    *, arrival_rate_per_s: float, service_rate_per_s: float, workers: int
) -> float:
    """Mean time from arrival to the start of service.

    Raises:
        OutOfRangeError: if there is no worker, or a rate is negative or not finite.
        UnstableQueueError: if the workers cannot keep up.

    Source: Kleinrock, Queueing Systems vol. 1 (1975), section 3.5.
    """
    delayed = _delayed_share(arrival_rate_per_s, service_rate_per_s, workers)
    return delayed / (workers * service_rate_per_s - arrival_rate_per_s)


def mmc_waiting_time_quantile_s(
    *, arrival_rate_per_s: float, service_rate_per_s: float, workers: int, quantile: float
) -> float:
    """Time within which this share of customers has started service.

    0 for quantiles up to the share that does not wait; beyond it the tail is exponential.

    Raises:
        OutOfRangeError: if an argument is outside its range; the quantile must be in [0, 1).
        UnstableQueueError: if the workers cannot keep up.

    Source: Gross & Harris, Fundamentals of Queueing Theory, 3rd ed. (1998), section 2.3.
    """
    require_quantile(quantile=quantile)
    delayed = _delayed_share(arrival_rate_per_s, service_rate_per_s, workers)
    if delayed <= 1 - quantile:
        return 0.0
    spare_rate_per_s = workers * service_rate_per_s - arrival_rate_per_s
    return (math.log(delayed) - math.log1p(-quantile)) / spare_rate_per_s


def mmc_response_time_s(
    *, arrival_rate_per_s: float, service_rate_per_s: float, workers: int
) -> float:
    """Mean time from arrival to departure.

    Raises:
        OutOfRangeError: if there is no worker, or a rate is negative or not finite.
        UnstableQueueError: if the workers cannot keep up.

    Source: Kleinrock, Queueing Systems vol. 1 (1975), section 3.5.
    """
    waiting_s = mmc_waiting_time_s(
        arrival_rate_per_s=arrival_rate_per_s,
        service_rate_per_s=service_rate_per_s,
        workers=workers,
    )
    return waiting_s + 1 / service_rate_per_s


def mmc_response_time_cdf(
    *, time_s: float, arrival_rate_per_s: float, service_rate_per_s: float, workers: int
) -> float:
    """Share of customers that depart within `time_s` of their arrival.

    Raises:
        OutOfRangeError: if there is no worker, or a rate or the time is negative or not finite.
        UnstableQueueError: if the workers cannot keep up.

    Source: Gross & Harris, Fundamentals of Queueing Theory, 3rd ed. (1998), section 2.3.
    """
    require_non_negative(time_s=time_s)
    delayed = _delayed_share(arrival_rate_per_s, service_rate_per_s, workers)
    spare_rate_per_s = workers * service_rate_per_s - arrival_rate_per_s
    return 1 - _response_tail(time_s, delayed, service_rate_per_s, spare_rate_per_s)


def mmc_response_time_quantile_s(
    *, arrival_rate_per_s: float, service_rate_per_s: float, workers: int, quantile: float
) -> float:
    """Time within which this share of customers has departed.

    Raises:
        OutOfRangeError: if an argument is outside its range; the quantile must be in [0, 1).
        UnstableQueueError: if the workers cannot keep up.

    Source: the distribution of `mmc_response_time_cdf`, inverted numerically.
    """
    require_quantile(quantile=quantile)
    delayed = _delayed_share(arrival_rate_per_s, service_rate_per_s, workers)
    spare_rate_per_s = workers * service_rate_per_s - arrival_rate_per_s
    if quantile == 0:
        return 0.0
    log_tail = math.log1p(-quantile)

    def too_late(time_s: float) -> float:
        return log_tail - math.log(
            _response_tail(time_s, delayed, service_rate_per_s, spare_rate_per_s)
        )

    return root_above(too_late, low=0.0, first_step=1 / service_rate_per_s)


def _delayed_share(arrival_rate_per_s: float, service_rate_per_s: float, workers: int) -> float:
    require_non_negative(arrival_rate_per_s=arrival_rate_per_s)
    require_positive(service_rate_per_s=service_rate_per_s)
    return erlang_c(workers=workers, offered_load_erlangs=arrival_rate_per_s / service_rate_per_s)


def _response_tail(
    time_s: float, delayed: float, service_rate_per_s: float, spare_rate_per_s: float
) -> float:
    """P(response > time): service alone, or with probability `delayed` after an exponential wait.

    The difference of exponentials is written with expm1, so that it also holds where both rates
    are equal or nearly so (c = 1 without load, c = 2 at utilisation 1/2).
    """
    gap = abs(spare_rate_per_s - service_rate_per_s) * time_s
    shape = -math.expm1(-gap) / gap if gap > 0 else 1.0
    slower_rate_per_s = min(service_rate_per_s, spare_rate_per_s)
    extra = service_rate_per_s * time_s * math.exp(-slower_rate_per_s * time_s) * shape
    return math.exp(-service_rate_per_s * time_s) + delayed * extra

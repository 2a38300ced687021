"""GI/G/c: any arrivals, any service times; approximations from two moments, and sizing by them."""

import math

from sim.theory.erlang import delayed_share, erlang_b, erlang_c, with_one_more_worker
from sim.theory.ranges import (
    require_inside_unit,
    require_non_negative,
    require_positive,
    require_quantile,
)


def gigc_waiting_time_s(
    *,
    arrival_rate_per_s: float,
    mean_service_time_s: float,
    workers: int,
    arrival_scv: float,
    service_scv: float,
) -> float:
    """Approximate mean time from arrival to the start of service (Allen and Cunneen).

    Scales the wait of M/M/c by the mean of both squared coefficients of variation. Exact for
    M/M/c and M/G/1, good from moderate load on, optimistic for bursty arrivals at low load.

    Raises:
        OutOfRangeError: if there is no worker or service time, or an argument is negative.
        UnstableQueueError: if the workers cannot keep up.

    Source: Allen, Probability, Statistics, and Queueing Theory, 2nd ed. (1990), chapter 5.
    """
    delayed, exceedance_s = _delay(
        arrival_rate_per_s, mean_service_time_s, workers, (arrival_scv + service_scv) / 2
    )
    require_non_negative(arrival_scv=arrival_scv, service_scv=service_scv)
    return delayed * exceedance_s


def gigc_waiting_time_quantile_s(
    *,
    arrival_rate_per_s: float,
    mean_service_time_s: float,
    workers: int,
    arrival_scv: float,
    service_scv: float,
    quantile: float,
) -> float:
    """Approximate time within which this share of customers has started service.

    Assumes that the share that waits is that of M/M/c, and that the wait of those who wait is
    exponential with the mean that Allen and Cunneen give; exact for M/M/c.

    Raises:
        OutOfRangeError: if an argument is outside its range; the quantile must be in [0, 1).
        UnstableQueueError: if the workers cannot keep up.

    Source: Whitt, Approximations for the GI/G/m queue, Prod. Oper. Manag. 2 (1993),
    with the exponential tail of heavy traffic.
    """
    require_quantile(quantile=quantile)
    require_non_negative(arrival_scv=arrival_scv, service_scv=service_scv)
    delayed, exceedance_s = _delay(
        arrival_rate_per_s, mean_service_time_s, workers, (arrival_scv + service_scv) / 2
    )
    if delayed <= 1 - quantile:
        return 0.0
    return exceedance_s * (math.log(delayed) - math.log1p(-quantile))


def _delay(
    arrival_rate_per_s: float, mean_service_time_s: float, workers: int, variability: float
) -> tuple[float, float]:
    """Share that waits, and the mean wait of those who do."""
    require_non_negative(arrival_rate_per_s=arrival_rate_per_s)
    require_positive(mean_service_time_s=mean_service_time_s)
    offered_load_erlangs = arrival_rate_per_s * mean_service_time_s
    delayed = erlang_c(workers=workers, offered_load_erlangs=offered_load_erlangs)
    return delayed, mean_service_time_s * variability / (workers - offered_load_erlangs)


def least_workers(
    *,
    arrival_rate_per_s: float,
    mean_service_time_s: float,
    arrival_scv: float,
    service_scv: float,
    most_utilisation: float,
    most_waiting_time_s: float,
) -> int:
    """Least number of workers that meets a utilisation and a mean waiting time at once.

    The waiting time is that of Allen and Cunneen; it falls with every worker. At least 1.

    Raises:
        OutOfRangeError: if an argument is outside its range: utilisation between 0 and 1,
            service and waiting time above 0, the rest 0 or more.

    Source: Allen, Probability, Statistics, and Queueing Theory, 2nd ed. (1990), chapter 5.
    """
    require_non_negative(
        arrival_rate_per_s=arrival_rate_per_s, arrival_scv=arrival_scv, service_scv=service_scv
    )
    require_positive(
        mean_service_time_s=mean_service_time_s, most_waiting_time_s=most_waiting_time_s
    )
    require_inside_unit(most_utilisation=most_utilisation)
    load = arrival_rate_per_s * mean_service_time_s
    # A load of exactly c * most_utilisation must not cost a worker to rounding: 0.7 * 10 / 0.7.
    workers = max(1, math.ceil(load / most_utilisation * (1 - 1e-12)))
    blocking = erlang_b(workers=workers, offered_load_erlangs=load)
    variable_service_s = mean_service_time_s * (arrival_scv + service_scv) / 2
    while True:
        delayed = delayed_share(blocking=blocking, workers=workers, offered_load_erlangs=load)
        if delayed * variable_service_s / (workers - load) <= most_waiting_time_s:
            return workers
        workers += 1
        blocking = with_one_more_worker(blocking, workers=workers, offered_load_erlangs=load)

"""M/G/1: one worker, Poisson arrivals, service times of any distribution."""

from sim.theory.ranges import require_non_negative, require_positive, require_stable


def mg1_waiting_time_s(
    *, arrival_rate_per_s: float, mean_service_time_s: float, service_scv: float
) -> float:
    """Mean time from arrival to the start of service, by Pollaczek and Khinchine.

    `service_scv` is the squared coefficient of variation of service times: 1 for exponential ones
    (M/M/1), 0 for constant ones (M/D/1). Holds for every order of service that does not look at
    service times.

    Raises:
        OutOfRangeError: if an argument is negative or not finite, or the service time is 0.
        UnstableQueueError: if the worker cannot keep up.

    Source: Kleinrock, Queueing Systems vol. 1 (1975), section 5.6.
    """
    require_non_negative(arrival_rate_per_s=arrival_rate_per_s, service_scv=service_scv)
    require_positive(mean_service_time_s=mean_service_time_s)
    utilisation = arrival_rate_per_s * mean_service_time_s
    require_stable(offered_load_erlangs=utilisation, workers=1)
    residual_service_s = mean_service_time_s * (1 + service_scv) / 2
    return utilisation * residual_service_s / (1 - utilisation)


def mg1_response_time_s(
    *, arrival_rate_per_s: float, mean_service_time_s: float, service_scv: float
) -> float:
    """Mean time from arrival to departure.

    Raises:
        OutOfRangeError: if an argument is negative or not finite, or the service time is 0.
        UnstableQueueError: if the worker cannot keep up.

    Source: Kleinrock, Queueing Systems vol. 1 (1975), section 5.6.
    """
    waiting_s = mg1_waiting_time_s(
        arrival_rate_per_s=arrival_rate_per_s,
        mean_service_time_s=mean_service_time_s,
        service_scv=service_scv,
    )
    return waiting_s + mean_service_time_s

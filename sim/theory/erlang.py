"""Erlang's loss and delay probabilities of a station with several workers."""

from sim.theory.ranges import require_count, require_non_negative, require_stable


def erlang_b(*, workers: int, offered_load_erlangs: float) -> float:
    """Share of arrivals that find every worker busy and are lost (M/G/c/c).

    Assumes Poisson arrivals; service times may have any distribution. Stable for any size: the
    recursion adds only positive terms, one per worker.

    Raises:
        OutOfRangeError: if there is no worker, or the load is negative or not finite.

    Source: Jagerman, Some properties of the Erlang loss function, Bell Syst. Tech. J. 53 (1974).
    """
    require_count(workers=workers)
    require_non_negative(offered_load_erlangs=offered_load_erlangs)
    blocking = 1.0
    for busy in range(1, workers + 1):
        blocking = with_one_more_worker(
            blocking, workers=busy, offered_load_erlangs=offered_load_erlangs
        )
    return blocking


def with_one_more_worker(blocking: float, *, workers: int, offered_load_erlangs: float) -> float:
    """Erlang B of `workers`, from the Erlang B of one worker fewer."""
    lost = offered_load_erlangs * blocking
    return lost / (workers + lost)


def erlang_c(*, workers: int, offered_load_erlangs: float) -> float:
    """Share of arrivals that have to wait (M/M/c).

    Assumes Poisson arrivals, exponential service times and one queue.

    Raises:
        OutOfRangeError: if there is no worker, or the load is negative or not finite.
        UnstableQueueError: if the load is not below the number of workers.

    Source: Kleinrock, Queueing Systems vol. 1 (1975), section 3.5.
    """
    blocking = erlang_b(workers=workers, offered_load_erlangs=offered_load_erlangs)
    require_stable(offered_load_erlangs=offered_load_erlangs, workers=workers)
    return delayed_share(
        blocking=blocking, workers=workers, offered_load_erlangs=offered_load_erlangs
    )


def delayed_share(*, blocking: float, workers: int, offered_load_erlangs: float) -> float:
    """Erlang C from the Erlang B of the same station."""
    return workers * blocking / (workers - offered_load_erlangs * (1 - blocking))

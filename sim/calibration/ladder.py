"""Which loads a server is calibrated at: each is chosen by the one before.

A busier server uses less for a request: batches grow, and hardly anything is woken up. So what a
load uses tells only where the next one may be.
"""

LOW_LOAD_PER_S = 15.0
SHARES = (0.45, 0.75, 0.9)
"""The loads after the low one, as parts of what the CPU for a request under the load before would
allow. A low load tells little that the lowest does not: the way goes up at once."""

MOST_MORE = 6
"""Loads beyond these, at the last share, while they grow: until the core is nearly full."""

GROWTH = 1.1
"""What a load beyond must be over the one before, to be worth its time."""

KEEPS_UP = 0.95
"""Of what is offered, answered less than this: what is not done yet is missing in the count."""


def next_rate_per_s(position: int, *, rate_per_s: float, cpu_s_per_request: float) -> float | None:
    """Return the load at a position, the low one's being 0; None if the one before was the last.

    Args:
        position: from 1 on.
        rate_per_s: of the load before.
        cpu_s_per_request: CPU seconds that the server has used under it for each request.
    """
    share = SHARES[min(position, len(SHARES)) - 1]
    chosen_per_s = share / cpu_s_per_request
    if is_extra(position) and chosen_per_s < GROWTH * rate_per_s:
        return None
    return chosen_per_s if position <= len(SHARES) + MOST_MORE else None


def is_extra(position: int) -> bool:
    """Whether a calibration does without the load at a position, if it cannot be measured."""
    return position > len(SHARES)

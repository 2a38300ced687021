"""Which loads a server is calibrated at: each is chosen by those before.

A busier server uses less for a request: batches grow, and hardly anything is woken up. So how busy
the core is rises less and less with the load, and a straight line through the last two loads meets
the wanted busy part before the server does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

LOW_LOAD_PER_S = 15.0

FULL = 0.9
"""Busy part of the core that is aimed at: nearly full, and no queue yet that only grows."""

LEAST_LARGER = 3
"""Loads after the low one, at least."""

MOST_LARGER = 8
"""At most."""

LEAST_GROWTH = 1.1
"""What a load beyond the least must be over the one before, to be worth its time."""

MOST_GROWTH = 3.0
"""From one load to the next, whatever the line says of a core that is hardly busy."""

KEEPS_UP = 0.95
"""Of what is offered, answered less than this: what is not done yet is missing in the count."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A load that was measured: requests a second, and the busy part of the core."""

    rate_per_s: float
    busy: float


def next_rate_per_s(rungs: Sequence[Rung]) -> float | None:
    """Return the load after these, the low one first; None if they are all."""
    last = rungs[-1]
    before = rungs[-2] if len(rungs) > 1 else Rung(0.0, 0.0)
    busier = max(last.busy - before.busy, 0.0)
    left = max(FULL - last.busy, 0.0)
    most_per_s = MOST_GROWTH * last.rate_per_s
    further_per_s = left / busier * (last.rate_per_s - before.rate_per_s) if busier else most_per_s
    chosen_per_s = min(last.rate_per_s + further_per_s, most_per_s)
    is_worth_it = chosen_per_s >= LEAST_GROWTH * last.rate_per_s
    if not is_extra(len(rungs)):
        return chosen_per_s if is_worth_it else LEAST_GROWTH * last.rate_per_s
    return chosen_per_s if is_worth_it and len(rungs) <= MOST_LARGER else None


def is_extra(position: int) -> bool:
    """Whether a calibration does without the load at a position, the low one's being 0."""
    return position > LEAST_LARGER

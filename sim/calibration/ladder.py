"""Which loads a server is calibrated at: each is chosen by those before.

A busier server uses less for a request: batches grow, and hardly anything is woken up. So how busy
the core is rises less and less with the load, and a straight line through the last two loads meets
the wanted busy part before the server does. A core that seems full may still answer twice as much:
the last load is the one that the server does not keep up with.
"""

from collections.abc import Sequence
from dataclasses import dataclass

LOW_LOAD_PER_S = 15.0

FULL = 0.9
"""Busy part of the core that the line is followed to."""

LEAST_LARGER = 3
"""Loads after the low one, at least."""

MOST_LARGER = 8
"""At most."""

LEAST_GROWTH = 1.3
"""From one load to the next, however busy the core is."""

MOST_GROWTH = 3.0
"""From one load to the next, whatever the line says of a core that is hardly busy."""

MOST_GROWTH_BUSY, BUSY = 1.5, 0.7
"""Likewise, from this busy part on: what lies beyond the next load may be too much."""

KEEPS_UP = 0.95
"""Of what is offered, answered less than this: what is not done yet is missing in the count."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A load that was measured: requests a second, and the busy part of the core."""

    rate_per_s: float
    busy: float


def next_rate_per_s(rungs: Sequence[Rung]) -> float | None:
    """Return the load after these, the low one first; None if they are as many as may be."""
    if len(rungs) > MOST_LARGER:
        return None
    last = rungs[-1]
    before = rungs[-2] if len(rungs) > 1 else Rung(0.0, 0.0)
    busier = last.busy - before.busy
    left = max(FULL - last.busy, 0.0)
    growth = MOST_GROWTH
    if busier > 0:
        growth = 1 + left / busier * (1 - before.rate_per_s / last.rate_per_s)
    most = MOST_GROWTH_BUSY if last.busy >= BUSY else MOST_GROWTH
    return last.rate_per_s * min(max(growth, LEAST_GROWTH), most)


def is_extra(position: int) -> bool:
    """Whether a calibration does without the load at a position, the low one's being 0."""
    return position > LEAST_LARGER

"""The standard normal distribution's quantile."""

import math

from sim.theory.ranges import require_inside_unit
from sim.theory.roots import bracketed_root

_MEDIAN = 0.5
# Beyond, the tail is no longer a normal floating-point number.
_FARTHEST = 37.5


def normal_quantile(probability: float) -> float:
    """The z that a standard normal variable does not exceed with this probability.

    Raises:
        OutOfRangeError: if the probability is not strictly between 0 and 1.

    Source: Abramowitz & Stegun, Handbook of Mathematical Functions (1964), 7.1.22, inverted
    numerically.
    """
    require_inside_unit(probability=probability)
    tail = min(probability, 1 - probability)
    distance = bracketed_root(
        lambda z: math.log(2 * tail) - math.log(math.erfc(z / math.sqrt(2))),
        low=0.0,
        high=_FARTHEST,
    )
    return math.copysign(distance, probability - _MEDIAN)

"""Student's t distribution: its quantile, by way of the incomplete beta function."""

import math

from sim.theory.ranges import require_inside_unit, require_positive
from sim.theory.roots import root_above

_MEDIAN = 0.5
_TINY = 1e-300
_CONVERGED = 1e-16
_MOST_FRACTIONS = 10_000


def student_t_quantile(*, probability: float, degrees_of_freedom: float) -> float:
    """The t that a Student variable does not exceed with this probability.

    Relative accuracy 1e-9 up to 10,000 degrees of freedom, 1e-6 up to 1e8, for probabilities from
    1e-10 to 1 - 1e-9.

    Raises:
        OutOfRangeError: if the probability is not strictly between 0 and 1, or the degrees of
            freedom are not above 0.

    Source: Abramowitz & Stegun, Handbook of Mathematical Functions (1964), 26.7.1, inverted
    numerically.
    """
    require_inside_unit(probability=probability)
    require_positive(degrees_of_freedom=degrees_of_freedom)
    tail = min(probability, 1 - probability)
    log_tail = math.log(tail)
    distance = 0.0
    if tail < _MEDIAN:
        distance = root_above(
            lambda t: log_tail - math.log(_upper_tail(t, degrees_of_freedom)),
            low=0.0,
            first_step=1.0,
        )
    return math.copysign(distance, probability - _MEDIAN)


def _upper_tail(t: float, degrees_of_freedom: float) -> float:
    squared = t * t
    total = degrees_of_freedom + squared
    return (
        _incomplete_beta(degrees_of_freedom / 2, 0.5, degrees_of_freedom / total, squared / total)
        / 2
    )


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Regularised incomplete beta function at x; `rest` is 1 - x, given for its digits."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, rest, x)
    if x == 0:
        return 0.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * math.log(x) + b * math.log(rest)
    return math.exp(log_front) * _beta_fraction(a, b, x) / a


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of DLMF 8.17.22, by the modified method of Lentz."""
    numerator = 1.0
    denominator = 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = denominator
    for m in range(1, _MOST_FRACTIONS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for coefficient in (even, odd):
            denominator = 1 / _away_from_zero(1 + coefficient * denominator)
            numerator = _away_from_zero(1 + coefficient / numerator)
            change = numerator * denominator
            value *= change
        if abs(change - 1) <= _CONVERGED:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY

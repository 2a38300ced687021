"""Where an increasing function crosses zero: what quantiles and inverses are found with."""

import math
from collections.abc import Callable

_RELATIVE_TOLERANCE = 4e-16
_ABSOLUTE_TOLERANCE = 1e-300
_MOST_STEPS = 300


def root_above(function: Callable[[float], float], *, low: float, first_step: float) -> float:
    """Root of an increasing function that is at most 0 at `low`.

    Looks for an upper bound in doubling steps, so `first_step` need only have the right scale.
    """
    step = first_step
    high = low + step
    while function(high) < 0:
        low = high
        step *= 2
        high = low + step
    return bracketed_root(function, low=low, high=high)


def bracketed_root(function: Callable[[float], float], *, low: float, high: float) -> float:
    """Root of a continuous function whose values at `low` and `high` differ in sign.

    Source: Chandrupatla, A new hybrid quadratic/bisection algorithm for finding the zero of a
    nonlinear function without using derivatives, Adv. Eng. Software 28 (1997) 145-149.
    """
    x1, x2, x3 = high, low, low
    f1, f2 = function(high), function(low)
    f3 = f2
    share = 0.5
    for _ in range(_MOST_STEPS):
        best, at_best = (x1, f1) if abs(f1) < abs(f2) else (x2, f2)
        width = abs(x2 - x1)
        tolerance = 2 * _RELATIVE_TOLERANCE * abs(best) + _ABSOLUTE_TOLERANCE
        if at_best == 0 or width <= 2 * tolerance:
            return best
        share = min(max(share, tolerance / width), 1 - tolerance / width)
        x = x1 + share * (x2 - x1)
        f = function(x)
        if math.copysign(1, f) == math.copysign(1, f1):
            x3, f3 = x1, f1
        else:
            x3, f3, x2, f2 = x2, f2, x1, f1
        x1, f1 = x, f
        share = _next_share((x1, f1), (x2, f2), (x3, f3))
    return x1


def _next_share(
    first: tuple[float, float], second: tuple[float, float], third: tuple[float, float]
) -> float:
    """Where to look next between the first two points: inverse quadratic if safe, else half."""
    (x1, f1), (x2, f2), (x3, f3) = first, second, third
    if f3 in (f1, f2):
        return 0.5
    xi = (x1 - x2) / (x3 - x2)
    phi = (f1 - f2) / (f3 - f2)
    if not (phi * phi < xi and (1 - phi) * (1 - phi) < 1 - xi):
        return 0.5
    return f1 / (f2 - f1) * f3 / (f2 - f3) + (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)

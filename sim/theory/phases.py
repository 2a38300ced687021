"""Times made of exponential phases gone through in order, some of them skipped.

Only sums and products of non-negative numbers are used, so equal or nearly equal rates, where the
textbook partial fractions cancel, are no special case.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.theory.ranges import require_non_negative, require_positive, require_quantile
from sim.theory.roots import root_above

_TAYLOR_TERMS = 16
_LARGEST_TAYLOR_ARGUMENT = 0.5


@dataclass(frozen=True, slots=True)
class PhasedTime:
    """A random time: enter a phase, stay exponentially, move to a later phase or end.

    `entry[i]` is the probability to begin in phase i (0 s with what is missing to 1);
    `moves[i][j]`, for j > i only, the probability to go on from i to j (the rest ends).
    """

    rates_per_s: tuple[float, ...]
    entry: tuple[float, ...]
    moves: tuple[tuple[float, ...], ...]

    def mean_s(self) -> float:
        """Mean of the time."""
        reached = list(self.entry)
        for i, row in enumerate(self.moves):
            for j in range(i + 1, len(row)):
                reached[j] += reached[i] * row[j]
        return math.fsum(
            share / rate_per_s for share, rate_per_s in zip(reached, self.rates_per_s, strict=True)
        )

    def tail(self, time_s: float) -> float:
        """Probability that the time is longer than `time_s`.

        Source: Neuts, Matrix-Geometric Solutions in Stochastic Models (1981), chapter 2; the
        exponential by uniformisation, scaling and squaring.
        """
        fastest_per_s = max(self.rates_per_s)
        events = fastest_per_s * time_s
        doublings = max(0, math.ceil(math.log2(max(events, 1.0) / _LARGEST_TAYLOR_ARGUMENT)))
        jumps = self._uniformised(fastest_per_s)
        survival = _poisson_mixture(jumps, events / 2**doublings)
        for _ in range(doublings):
            survival = _product(survival, survival)
        return math.fsum(
            share * value for share, row in zip(self.entry, survival, strict=True) for value in row
        )

    def quantile_s(self, quantile: float) -> float:
        """Time that is not exceeded with this probability.

        Raises:
            OutOfRangeError: if the quantile is not in [0, 1).
        """
        require_quantile(quantile=quantile)
        if self.tail(0.0) <= 1 - quantile:
            return 0.0
        log_tail = math.log1p(-quantile)
        return root_above(
            lambda time_s: log_tail - math.log(self.tail(time_s)),
            low=0.0,
            first_step=self.mean_s(),
        )

    def _uniformised(self, fastest_per_s: float) -> list[list[float]]:
        """Where the next event of a clock at the fastest rate leads."""
        jumps = []
        for i, (rate_per_s, row) in enumerate(zip(self.rates_per_s, self.moves, strict=True)):
            share = rate_per_s / fastest_per_s
            jumps.append([share * probability for probability in row])
            jumps[i][i] = 1 - share
        return jumps


def hypoexponential_cdf(*, time_s: float, rates_per_s: Sequence[float]) -> float:
    """Probability that a sum of independent exponential times is at most `time_s`.

    The response time of a tandem of M/M/1 stations is such a sum, with the spare rate μ - λ of
    each station (Reich 1957).

    Raises:
        OutOfRangeError: if the time is negative or a rate not above 0.

    Source: Ross, Introduction to Probability Models, 10th ed. (2010), section 5.2.4.
    """
    require_non_negative(time_s=time_s)
    return 1 - _sum_of_exponentials(rates_per_s).tail(time_s)


def hypoexponential_quantile_s(*, quantile: float, rates_per_s: Sequence[float]) -> float:
    """Time that a sum of independent exponential times does not exceed with this probability.

    Raises:
        OutOfRangeError: if the quantile is not in [0, 1) or a rate not above 0.

    Source: the distribution of `hypoexponential_cdf`, inverted numerically.
    """
    return _sum_of_exponentials(rates_per_s).quantile_s(quantile)


def _sum_of_exponentials(rates_per_s: Sequence[float]) -> PhasedTime:
    phases = range(len(rates_per_s))
    for rate_per_s in rates_per_s:
        require_positive(rate_per_s=rate_per_s)
    return PhasedTime(
        rates_per_s=tuple(rates_per_s),
        entry=tuple(float(i == 0) for i in phases),
        moves=tuple(tuple(float(j == i + 1) for j in phases) for i in phases),
    )


def _poisson_mixture(jumps: list[list[float]], mean: float) -> list[list[float]]:
    """Where a Poisson number of jumps leads, by Horner's rule."""
    size = len(jumps)
    mixture = [[float(i == j) for j in range(size)] for i in range(size)]
    for term in range(_TAYLOR_TERMS, 0, -1):
        mixture = _product(jumps, mixture)
        for i, row in enumerate(mixture):
            mixture[i] = [value * mean / term for value in row]
            mixture[i][i] += 1
    weight = math.exp(-mean)
    return [[value * weight for value in row] for row in mixture]


def _product(left: list[list[float]], right: list[list[float]]) -> list[list[float]]:
    """Product of upper triangular matrices."""
    size = len(left)
    return [
        [sum(left[i][k] * right[k][j] for k in range(i, j + 1)) for j in range(size)]
        for i in range(size)
    ]

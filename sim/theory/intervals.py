"""Confidence intervals: a mean from replications, a quantile from ranks, a share from counts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.theory.binomial import binomial_upper_tail
from sim.theory.errors import OutOfRangeError, TooFewSamplesError
from sim.theory.normal import normal_quantile
from sim.theory.ranges import require_count, require_inside_unit
from sim.theory.student_t import student_t_quantile

_FEWEST_REPLICATIONS = 2


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the interval that covers the true value with the confidence asked for."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the distance from low to high."""
        return (self.high - self.low) / 2

    def covers(self, value: float) -> bool:
        """Whether the value lies inside, ends included."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class RankInterval:
    """Ranks (1 is the smallest) of the sorted sample between which a quantile lies."""

    low_rank: int
    high_rank: int


def mean_interval(values: Sequence[float], *, confidence: float) -> Interval:
    """Mean of independent replications, with Student's interval.

    Assumes that the values are independent and about normal (each the mean of a long run).

    Raises:
        TooFewSamplesError: for fewer than two values.
        OutOfRangeError: if the confidence is not strictly between 0 and 1.

    Source: Law, Simulation Modeling and Analysis, 5th ed. (2015), section 4.5.
    """
    require_inside_unit(confidence=confidence)
    samples = len(values)
    if samples < _FEWEST_REPLICATIONS:
        raise TooFewSamplesError(samples=samples, needed=_FEWEST_REPLICATIONS)
    mean = math.fsum(values) / samples
    variance = math.fsum((value - mean) ** 2 for value in values) / (samples - 1)
    t = student_t_quantile(probability=(1 + confidence) / 2, degrees_of_freedom=samples - 1)
    half_width = t * math.sqrt(variance / samples)
    return Interval(estimate=mean, low=mean - half_width, high=mean + half_width)


def quantile_ranks(*, samples: int, quantile: float, confidence: float) -> RankInterval:
    """Ranks between which a quantile lies with at least this confidence, whatever is sampled.

    Assumes independent observations. Each side misses with at most half of 1 - confidence.

    Raises:
        OutOfRangeError: if quantile or confidence is not strictly between 0 and 1.
        TooFewSamplesError: if even the whole range of the sample is not enough.

    Source: David & Nagaraja, Order Statistics, 3rd ed. (2003), section 7.1.
    """
    require_count(samples=samples)
    require_inside_unit(quantile=quantile, confidence=confidence)
    missed = (1 - confidence) / 2
    needed = math.ceil(math.log(missed) / math.log(max(quantile, 1 - quantile)))
    if samples < needed:
        raise TooFewSamplesError(samples=samples, needed=needed)
    return RankInterval(
        low_rank=samples + 1 - _upper_rank(samples, 1 - quantile, missed),
        high_rank=_upper_rank(samples, quantile, missed),
    )


def quantile_interval(values: Sequence[float], *, quantile: float, confidence: float) -> Interval:
    """Quantile of a sample, with the interval between two order statistics.

    Assumes independent observations. The estimate is the smallest value that at least this share
    of the sample does not exceed.

    Raises:
        OutOfRangeError: if quantile or confidence is not strictly between 0 and 1.
        TooFewSamplesError: if even the whole range of the sample is not enough.

    Source: David & Nagaraja, Order Statistics, 3rd ed. (2003), section 7.1.
    """
    ranks = quantile_ranks(samples=len(values), quantile=quantile, confidence=confidence)
    ordered = sorted(values)
    return Interval(
        estimate=ordered[max(1, math.ceil(len(ordered) * quantile)) - 1],
        low=ordered[ranks.low_rank - 1],
        high=ordered[ranks.high_rank - 1],
    )


def share_interval(*, successes: int, trials: int, confidence: float) -> Interval:
    """Share of successes, with Wilson's interval, which stays within 0 and 1.

    Raises:
        OutOfRangeError: if there is no trial, successes are not in 0..trials, or the confidence
            is not strictly between 0 and 1.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, J. Am.
    Stat. Assoc. 22 (1927) 209-212.
    """
    require_count(trials=trials)
    require_inside_unit(confidence=confidence)
    if not 0 <= successes <= trials:
        raise OutOfRangeError(name="successes", value=successes, expected=f"from 0 to {trials}")
    z = normal_quantile((1 + confidence) / 2)
    share = successes / trials
    shrink = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / shrink
    half_width = z / shrink * math.sqrt((share * (1 - share) + z * z / (4 * trials)) / trials)
    return Interval(
        estimate=share,
        low=max(0.0, centre - half_width) if successes else 0.0,
        high=min(1.0, centre + half_width) if successes < trials else 1.0,
    )


def _upper_rank(samples: int, quantile: float, missed: float) -> int:
    """Least rank whose order statistic is below the quantile with at most this probability."""
    enough, too_low = samples, 0
    while enough - too_low > 1:
        rank = (enough + too_low) // 2
        if binomial_upper_tail(trials=samples, at_least=rank, probability=quantile) <= missed:
            enough = rank
        else:
            too_low = rank
    return enough

"""Binomial tails that keep their digits: k-of-n groups and ranks of order statistics."""

import math

from sim.theory.ranges import require_count, require_probability

# A tail is summed until a term no longer changes it.
_NEGLIGIBLE = 1e-18


def binomial_upper_tail(*, trials: int, at_least: int, probability: float) -> float:
    """Probability of `at_least` successes or more in so many independent trials.

    Summed from the side where terms fall: a tail of 1e-300 keeps its digits, 11 of them for a
    thousand trials, 9 for a million.

    Raises:
        OutOfRangeError: if there is no trial, or the probability is not in [0, 1].

    Source: Abramowitz & Stegun, Handbook of Mathematical Functions (1964), 26.1.20.
    """
    require_count(trials=trials)
    require_probability(probability=probability)
    if at_least <= 0:
        return 1.0
    if at_least > trials or probability == 0:
        return 0.0
    if probability == 1:
        return 1.0
    if at_least > trials * probability:
        return _falling_tail(trials, at_least, probability)
    return 1 - _falling_tail(trials, trials - at_least + 1, 1 - probability)


def _falling_tail(trials: int, at_least: int, probability: float) -> float:
    odds = probability / (1 - probability)
    term = total = 1.0
    for successes in range(at_least, trials):
        term *= (trials - successes) / (successes + 1) * odds
        total += term
        if term < _NEGLIGIBLE * total:
            break
    return total * math.exp(_log_mass(trials, at_least, probability))


def _log_mass(trials: int, successes: int, probability: float) -> float:
    failures = trials - successes
    ways = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(failures + 1)
    return ways + successes * math.log(probability) + failures * math.log1p(-probability)

"""The largest load that meets the objectives: a geometric ramp, then bisection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from sim.results.loadtest import Breakpoint, Level, Scalability

RAMP = 2.0
"""Factor from one load of the ramp to the next."""

CLOSE_ENOUGH = 1.05
"""First bad over last good at which the search ends."""

MOST_LEVELS = 40
_LEAST_LEVELS = 3
_TRIES = 2
_DECIMALS = 2
"""Of a load in the middle of two others, which is to be typed again."""
_LEAST_RATE_PER_S = 1.0

MeasureLevel = Callable[[float, int], Level]
"""Measures a load, given in requests a second, with the seed that many above the run's own.

It raises `SearchEndedError` when there is nothing more to measure.
"""


class SearchEndedError(Exception):
    """The target is gone, or somebody has had enough.

    Attributes:
        because: why.
        level: what was measured last, if it ended under a load; None if between two.
    """

    def __init__(self, because: str, level: Level | None = None) -> None:
        self.because = because
        self.level = level
        super().__init__(f"the search ended: {because}")


@dataclass(frozen=True, slots=True)
class Search:
    """What a search has found: every level in the order of measuring, and the limit."""

    levels: tuple[Level, ...]
    breakpoint: Breakpoint


def find_max(measure: MeasureLevel, *, start_per_s: float) -> Search:
    """Search for the load at which objectives break.

    A load counts as bad only if it is not good twice, with other arrivals: on a machine that others
    use too, a single bad measurement may be theirs. One that could not be measured, because the
    load generator did not keep up, bounds the search, but is not called bad.
    """
    search, because = _Searching(measure), ""
    try:
        search.ramp(start_per_s)
        search.close_in()
    except SearchEndedError as end:
        because = end.because
        if end.level is not None:
            search.levels.append(end.level)
    found = Breakpoint(search.good_per_s, search.bad_per_s, because)
    return Search(tuple(search.levels), found)


class _Searching:
    """What is known so far.

    Attributes:
        good_per_s: largest load known to be good.
        above_per_s: smallest load known not to be good.
        bad_per_s: smallest load that was measured to be bad.
    """

    def __init__(self, measure: MeasureLevel) -> None:
        self._measure = measure
        self.levels: list[Level] = []
        self.good_per_s: float | None = None
        self.above_per_s: float | None = None
        self.bad_per_s: float | None = None

    def ramp(self, start_per_s: float) -> None:
        """Go up from a load until one is not good, or down until one is."""
        rate_per_s = start_per_s
        while self._try(rate_per_s) and len(self.levels) < MOST_LEVELS:
            rate_per_s *= RAMP
        while self.good_per_s is None and rate_per_s / RAMP >= _LEAST_RATE_PER_S:
            rate_per_s /= RAMP
            self._try(rate_per_s)

    def close_in(self) -> None:
        """Halve the distance between good and not good, until they are close."""
        while (
            self.good_per_s is not None
            and self.above_per_s is not None
            and self.above_per_s > self.good_per_s * CLOSE_ENOUGH
            and len(self.levels) < MOST_LEVELS
        ):
            self._try(round((self.good_per_s * self.above_per_s) ** 0.5, _DECIMALS))

    def _try(self, rate_per_s: float) -> bool:
        """Measure a load until it is good, or twice bad, or twice not measured; whether good."""
        verdicts = [self._level(rate_per_s).good]
        while not verdicts[-1] and max(verdicts.count(False), verdicts.count(None)) < _TRIES:
            verdicts.append(self._level(rate_per_s).good)
        if verdicts[-1]:
            self.good_per_s = rate_per_s
            return True
        self.above_per_s = rate_per_s
        if verdicts.count(False) == _TRIES:
            self.bad_per_s = rate_per_s
        return False

    def _level(self, rate_per_s: float) -> Level:
        level = self._measure(rate_per_s, len(self.levels))
        self.levels.append(level)
        return level


def scalability(levels: Sequence[Level]) -> Scalability | None:
    """Return the Universal Scalability Law that fits the measured levels, or None with too few.

    Requests in progress come from Little's law, with the mean response time. N/X is linear in
    (N - 1) and N (N - 1), so the least squares with coefficients of zero or more are exact; each
    level counts by its relative error. Below one request in progress nothing contends.
    """
    known = [
        (level.achieved_per_s, level.achieved_per_s * level.mean_s)
        for level in levels
        if level.good is not None and level.mean_s and level.achieved_per_s > 0
    ]
    if len(known) < _LEAST_LEVELS:
        return None
    throughput, in_progress = np.asarray(known).T
    per_unit = in_progress / throughput
    others = np.maximum(in_progress - 1, 0.0)
    terms = np.column_stack([np.ones_like(others), others, in_progress * others])
    (unit_s, contention_s, coherency_s), _ = nnls(terms / per_unit[:, None], np.ones_like(per_unit))
    if unit_s <= 0:
        return None
    sigma, kappa = float(contention_s / unit_s), float(coherency_s / unit_s)
    fitted = in_progress / (terms @ [unit_s, contention_s, coherency_s])
    unexplained = float(((throughput - fitted) ** 2).sum())
    total = float(((throughput - throughput.mean()) ** 2).sum())
    return Scalability(
        rate_per_s=float(1 / unit_s),
        contention=sigma,
        coherency=kappa,
        peak_per_s=_peak_per_s(float(1 / unit_s), sigma, kappa),
        r_squared=1 - unexplained / total if total else 1.0,
    )


def _peak_per_s(rate_per_s: float, sigma: float, kappa: float) -> float | None:
    """Throughput at the law's maximum; its limit for ever more requests where it has none."""
    if kappa > 0:
        at = max(1.0, ((1 - min(sigma, 1.0)) / kappa) ** 0.5)
        return float(rate_per_s * at / (1 + sigma * (at - 1) + kappa * at * (at - 1)))
    return rate_per_s / sigma if sigma > 0 else None

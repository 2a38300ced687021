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
_LEAST_RATE_PER_S = 1.0

MeasureLevel = Callable[[float, int], Level]
"""Measures a load, given in requests a second, with the seed that many above the run's own."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a search has found: every level in the order of measuring, and the limit."""

    levels: tuple[Level, ...]
    breakpoint: Breakpoint


def find_max(measure: MeasureLevel, *, start_per_s: float) -> Search:
    """Search for the load at which objectives break.

    A load counts as bad only if it is so twice, with other arrivals: on a machine that others use
    too, a single bad measurement may be theirs. A level that cannot be measured ends the search.
    """
    search = _Searching(measure)
    good, bad = search.ramp(start_per_s)
    while (
        good is not None
        and bad is not None
        and bad > good * CLOSE_ENOUGH
        and len(search.levels) < MOST_LEVELS
    ):
        middle = (good * bad) ** 0.5
        match search.is_good(middle):
            case None:
                break
            case True:
                good = middle
            case False:
                bad = middle
    return Search(tuple(search.levels), Breakpoint(good, bad))


class _Searching:
    def __init__(self, measure: MeasureLevel) -> None:
        self._measure = measure
        self.levels: list[Level] = []

    def is_good(self, rate_per_s: float) -> bool | None:
        level = self._level(rate_per_s)
        return self._level(rate_per_s).good if level.good is False else level.good

    def ramp(self, start_per_s: float) -> tuple[float | None, float | None]:
        """Return the last good and the first bad load of a ramp upwards, or else downwards."""
        good: float | None = None
        rate_per_s, is_good = start_per_s, self.is_good(start_per_s)
        while is_good and len(self.levels) < MOST_LEVELS:
            good, rate_per_s = rate_per_s, rate_per_s * RAMP
            is_good = self.is_good(rate_per_s)
        if is_good is not False:
            return good, None
        bad = rate_per_s
        while good is None and bad / RAMP >= _LEAST_RATE_PER_S:
            is_good = self.is_good(bad / RAMP)
            if is_good is None:
                break
            good, bad = (bad / RAMP, bad) if is_good else (None, bad / RAMP)
        return good, bad

    def _level(self, rate_per_s: float) -> Level:
        level = self._measure(rate_per_s, len(self.levels))
        self.levels.append(level)
        return level


def scalability(levels: Sequence[Level]) -> Scalability | None:
    """Return the Universal Scalability Law that fits the levels, or None with too few.

    Requests in progress come from Little's law, with the mean response time. N/X is linear in
    (N - 1) and N (N - 1), so the least squares with coefficients of zero or more are exact; each
    level counts by its relative error. Below one request in progress nothing contends.
    """
    known = [
        (level.achieved_per_s, level.achieved_per_s * level.mean_s)
        for level in levels
        if level.mean_s and level.achieved_per_s > 0
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

"""Percentiles of what was simulated, with intervals from replications; None where data is short."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sim.theory.student_t import student_t_quantile

LEAST_BEYOND = 4
"""A quantile is told only if this many observations are expected beyond it."""

_LEAST_REPLICATIONS = 3
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Samples:
    """Measured times, each standing for as many requests as its weight says.

    Flows are followed at different rates, so that times of several flows together must be weighted
    to be those of the system.

    Attributes:
        values_s: shape (samples,).
        weights: shape (samples,), more than zero.
    """

    values_s: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: Iterable[tuple[NDArray[np.float64], float]]) -> Self:
        """Return the samples of several flows, each with the weight of one of its requests."""
        parts = list(parts)
        return cls(
            np.concatenate([values for values, _ in parts] or [np.empty(0)]),
            np.concatenate(
                [np.full(len(values), weight) for values, weight in parts] or [np.empty(0)]
            ),
        )

    def __len__(self) -> int:
        """Return how many samples there are."""
        return len(self.values_s)

    def mean_s(self) -> float | None:
        """Return the mean, or None of nothing."""
        return float(np.average(self.values_s, weights=self.weights)) if len(self) else None

    def quantile_s(self, share: float) -> float | None:
        """Return the value that a `share` of the requests do not exceed, or None with too few."""
        if len(self) * (1 - share) < LEAST_BEYOND:
            return None
        return self._quantile_s(share)

    def _quantile_s(self, share: float) -> float:
        order = np.argsort(self.values_s)
        weights = self.weights[order]
        # Each sample sits in the middle of its weight; numpy's default is this with equal weights,
        # but for the two ends.
        middles = (np.cumsum(weights) - weights / 2) / weights.sum()
        return float(np.interp(share, middles, self.values_s[order]))


def quantile_interval_s(
    replications: Sequence[Samples], share: float
) -> tuple[float, float] | None:
    """Return the 95 % confidence interval of a quantile, or None with too few samples.

    The quantile of all samples together, give or take Student's t times the standard error of the
    replications' own quantiles; never below zero.

    Source: Law, Simulation Modeling and Analysis, 5th ed. (2015), section 9.4.1 (independent
    replications).
    """
    own = [each._quantile_s(share) for each in replications if len(each)]  # noqa: SLF001 - same module
    pooled = pooled_samples(replications).quantile_s(share)
    if pooled is None or len(own) < _LEAST_REPLICATIONS:
        return None
    error = float(np.std(own, ddof=1)) / len(own) ** 0.5
    t = student_t_quantile(probability=(1 + _CONFIDENCE) / 2, degrees_of_freedom=len(own) - 1)
    return max(0.0, pooled - t * error), pooled + t * error


def pooled_samples(replications: Sequence[Samples]) -> Samples:
    """Return the samples of all replications together."""
    if not replications:
        return Samples(np.empty(0), np.empty(0))
    return Samples(
        np.concatenate([each.values_s for each in replications]),
        np.concatenate([each.weights for each in replications]),
    )

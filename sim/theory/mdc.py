"""M/D/c: one queue, c workers, Poisson arrivals, constant service times; exact.

The number waiting, seen every service time D, is X' = max(0, X + A - c) with A ~ Poisson(λD). Its
generating function is known from the c - 1 roots of z^c = exp(λD(z - 1)) inside the unit circle.
"""

import cmath
import math
from dataclasses import dataclass

from sim.theory.errors import OutOfRangeError
from sim.theory.ranges import (
    require_count,
    require_non_negative,
    require_positive,
    require_quantile,
    require_stable,
)
from sim.theory.roots import root_above

# ln of the probability mass that may fold over in the inversion: 1e-15.
_LOG_FOLDED = 34.5
_HIGHEST_QUANTILE = 1 - 1e-9
_FIXED_POINT_STEPS = 4
_MOST_NEWTON_STEPS = 60
_ROOT_TOLERANCE = 1e-15


def mdc_waiting_time_s(
    *, arrival_rate_per_s: float, mean_service_time_s: float, workers: int
) -> float:
    """Mean time from arrival to the start of service.

    Exact up to rounding of about 1e-13 service times; every service takes the same time.

    Raises:
        OutOfRangeError: if there is no worker, or an argument is negative or not finite.
        UnstableQueueError: if the workers cannot keep up.

    Source: Crommelin, Delay probability formulae when the holding times are constant, Post Office
    Electr. Eng. J. 25 (1932); Tijms, A First Course in Stochastic Models (2003), section 9.6.
    """
    load = _offered_load(arrival_rate_per_s, mean_service_time_s, workers)
    if load == 0:
        return 0.0
    waiting = (load * load - workers * (workers - 1)) / (2 * (workers - load))
    waiting += math.fsum((1 / (1 - root)).real for root in _roots(workers, load))
    return max(0.0, waiting) / arrival_rate_per_s


def mdc_waiting_time_cdf(
    *, time_s: float, arrival_rate_per_s: float, mean_service_time_s: float, workers: int
) -> float:
    """Share of customers that start service within `time_s` of their arrival.

    Exact up to rounding of about 1e-13; every service takes the same time.

    Raises:
        OutOfRangeError: if there is no worker, or an argument is negative or not finite.
        UnstableQueueError: if the workers cannot keep up.

    Source: Franx, A simple solution for the M/D/c waiting time distribution, Oper. Res. Lett. 29
    (2001) 221-229; the queue length by numerical inversion as in Abate & Whitt, Numerical
    inversion of probability generating functions, Oper. Res. Lett. 12 (1992) 245-251.
    """
    require_non_negative(time_s=time_s)
    load = _offered_load(arrival_rate_per_s, mean_service_time_s, workers)
    if load == 0:
        return 1.0
    return _QueueLength.of(workers, load).started_within(time_s / mean_service_time_s)


def mdc_waiting_time_quantile_s(
    *, arrival_rate_per_s: float, mean_service_time_s: float, workers: int, quantile: float
) -> float:
    """Time within which this share of customers has started service.

    Raises:
        OutOfRangeError: if an argument is outside its range; the quantile must be in
            [0, 1 - 1e-9], beyond which the inversion has no digits left.
        UnstableQueueError: if the workers cannot keep up.

    Source: the distribution of `mdc_waiting_time_cdf`, inverted numerically.
    """
    require_quantile(quantile=quantile)
    if quantile > _HIGHEST_QUANTILE:
        raise OutOfRangeError(name="quantile", value=quantile, expected="at most 1 - 1e-9")
    load = _offered_load(arrival_rate_per_s, mean_service_time_s, workers)
    if load == 0:
        return 0.0
    queue_length = _QueueLength.of(workers, load)
    if queue_length.started_within(0.0) >= quantile:
        return 0.0

    def too_late(services: float) -> float:
        tail = max(1 - queue_length.started_within(services), math.ulp(1))
        return math.log1p(-quantile) - math.log(tail)

    return mean_service_time_s * root_above(too_late, low=0.0, first_step=1 / workers)


def _offered_load(arrival_rate_per_s: float, mean_service_time_s: float, workers: int) -> float:
    require_count(workers=workers)
    require_non_negative(arrival_rate_per_s=arrival_rate_per_s)
    require_positive(mean_service_time_s=mean_service_time_s)
    load = arrival_rate_per_s * mean_service_time_s
    require_stable(offered_load_erlangs=load, workers=workers)
    return load


def _roots(workers: int, load: float) -> list[complex]:
    """All roots of z^c = exp(load (z - 1)) inside the unit circle, which does not hold z = 1."""
    utilisation = load / workers
    upper = [
        _root(cmath.exp(2j * math.pi * turn / workers), utilisation)
        for turn in range(1, workers // 2 + 1)
    ]
    paired = upper if workers % 2 else upper[:-1]
    return upper + [root.conjugate() for root in paired]


def _root(unit: complex, utilisation: float) -> complex:
    """Solve z = unit * exp(utilisation (z - 1)), a contraction of the unit disc."""
    z = unit
    for _ in range(_FIXED_POINT_STEPS):
        z = unit * cmath.exp(utilisation * (z - 1))
    for _ in range(_MOST_NEWTON_STEPS):
        image = unit * cmath.exp(utilisation * (z - 1))
        step = (z - image) / (1 - utilisation * image)
        z -= step
        if abs(step) < _ROOT_TOLERANCE:
            break
    return z


def _decay(workers: int, load: float) -> float:
    """The τ > 1 with P(X >= j) <= τ^-j: Lundberg's bound on the number waiting."""
    utilisation = load / workers

    def drift(tau: float) -> float:
        return utilisation * (tau - 1) - math.log(tau)

    least = 1 / utilisation  # where the drift is least, between its roots 1 and τ
    return root_above(drift, low=least, first_step=least - 1)


@dataclass(frozen=True, slots=True)
class _QueueLength:
    """The number waiting, as its generating function on a circle of `points` roots of unity."""

    workers: int
    load: float
    units: tuple[complex, ...]
    values: tuple[complex, ...]

    @classmethod
    def of(cls, workers: int, load: float) -> "_QueueLength":
        points = 2 * workers + math.ceil(_LOG_FOLDED / math.log(_decay(workers, load)))
        units = tuple(cmath.exp(2j * math.pi * k / points) for k in range(points))
        roots = _roots(workers, load)
        # The values of the lower half circle are the conjugates of those of the upper half.
        values = tuple(_transform(z, workers, load, roots) for z in units[1 : points // 2 + 1])
        return cls(workers, load, units, values)

    def started_within(self, services: float) -> float:
        """P(wait <= services * D) = P(X + Poisson(load * rest) < workers * k).

        k is the number of the service time that `services` falls in, `rest` what is left of it.
        """
        k = math.floor(services) + 1
        size = k * self.workers
        points = len(self.units)
        if size >= points:
            return 1.0
        mean = self.load * (k - services)
        terms = [float(size)]
        for turn, value in enumerate(self.values, start=1):
            z = self.units[turn]
            counted = (1 - self.units[-turn * size % points]) / (1 - z.conjugate())
            term = (value * cmath.exp(mean * (z - 1)) * counted).real
            terms.append(term if 2 * turn == points else 2 * term)
        return min(1.0, max(0.0, math.fsum(terms) / points))


def _transform(z: complex, workers: int, load: float, roots: list[complex]) -> complex:
    """E[z^X] for the number waiting, |z| = 1 and z != 1."""
    product = (workers - load) * (z - 1) / (z**workers - cmath.exp(load * (z - 1)))
    for root in roots:
        product *= (z - root) / (1 - root)
    return product

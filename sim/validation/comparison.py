"""How far predictions are from measurements."""

import math
import statistics
from collections.abc import Iterable, Sequence

from sim.results.simulation import ObjectiveRow
from sim.results.validation import ValidationError, ValidationLoad, ValidationPoint

P50_WANTED, P99_WANTED = 0.10, 0.20
"""Median errors that a validation is checked against."""

LEAST_FOR_P50, LEAST_FOR_P99 = 200, 1_000
"""Requests from which on a measured percentile is held against the prediction: of fewer, another
run measures another one (at least ten are beyond the 99th percentile)."""


def relative_error(predicted: float | None, measured: float | None) -> float | None:
    """Return the distance of a prediction from a measurement, as a share of the measurement.

    None where nothing was measured. What was measured and not predicted is infinitely far off.
    """
    if not measured:
        return None
    return math.inf if predicted is None else abs(predicted - measured) / measured


def told_error(predicted: float | None, measured: float | None) -> float | None:
    """Return the error as a document tells it: None where it is infinite."""
    return _told(relative_error(predicted, measured))


def error_of(points: Sequence[ValidationPoint], loads: Sequence[ValidationLoad]) -> ValidationError:
    """Return the medians over what is valid, was not calibrated on and has requests enough.

    A median is None where there is nothing to take it of, or where it is infinite.
    """
    counted = [point for point in points if point.valid and not point.calibrated_on]
    others = [load for load in loads if not load.invalid_because and not load.calibrated_on]
    of_p50 = _known(
        relative_error(point.predicted_p50_s, point.measured_p50_s)
        for point in counted
        if point.requests >= LEAST_FOR_P50
    )
    of_p99 = _known(
        relative_error(point.predicted_p99_s, point.measured_p99_s)
        for point in counted
        if point.requests >= LEAST_FOR_P99
    )
    return ValidationError(
        p50_median=_median(of_p50),
        p99_median=_median(of_p99),
        throughput_median=_median(
            _known(relative_error(load.predicted_per_s, load.measured_per_s) for load in others)
        ),
        freshness_p50_median=_median(
            _known(
                relative_error(load.predicted_freshness_p50_s, load.measured_freshness_p50_s)
                for load in others
            )
        ),
        points=len(of_p50),
        p99_points=len(of_p99),
        unpredicted=sum(map(math.isinf, of_p50)),
    )


def objectives_of(error: ValidationError) -> tuple[ObjectiveRow, ...]:
    """Return the wanted errors with what was reached."""
    return (
        _at_most("p50 error, median", P50_WANTED, error.p50_median, error.points),
        _at_most("p99 error, median", P99_WANTED, error.p99_median, error.p99_points),
        ObjectiveRow(
            "medians measured, not predicted",
            "points",
            0,
            error.unpredicted,
            error.unpredicted == 0 if error.points else None,
        ),
    )


def _at_most(name: str, wanted: float, value: float | None, points: int) -> ObjectiveRow:
    # Of points without a finite median, too many were not predicted at all.
    met = None if not points else value is not None and value <= wanted
    return ObjectiveRow(name, "share", wanted, value, met)


def _known(values: Iterable[float | None]) -> Sequence[float]:
    return [value for value in values if value is not None]


def _median(values: Sequence[float]) -> float | None:
    return _told(statistics.median(values)) if values else None


def _told(error: float | None) -> float | None:
    return None if error is None or math.isinf(error) else error

"""How far predictions are from measurements."""

import statistics
from collections.abc import Iterable, Sequence

from sim.results.simulation import ObjectiveRow
from sim.results.validation import ValidationError, ValidationLoad, ValidationPoint

P50_WANTED, P99_WANTED = 0.10, 0.20
"""Median errors that a validation is checked against."""


def relative_error(predicted: float | None, measured: float | None) -> float | None:
    """Return the distance of a prediction from a measurement, as a share of the measurement."""
    if predicted is None or not measured:
        return None
    return abs(predicted - measured) / measured


def error_of(points: Sequence[ValidationPoint], loads: Sequence[ValidationLoad]) -> ValidationError:
    """Return the medians over what is valid and was not calibrated on."""
    counted = [point for point in points if point.valid and not point.calibrated_on]
    others = [load for load in loads if not load.invalid_because and not load.calibrated_on]
    return ValidationError(
        p50_median=_median(point.p50_error for point in counted),
        p99_median=_median(point.p99_error for point in counted),
        throughput_median=_median(
            relative_error(load.predicted_per_s, load.measured_per_s) for load in others
        ),
        freshness_p50_median=_median(
            relative_error(load.predicted_freshness_p50_s, load.measured_freshness_p50_s)
            for load in others
        ),
        points=len(counted),
    )


def objectives_of(error: ValidationError) -> tuple[ObjectiveRow, ...]:
    """Return the wanted errors with what was reached."""
    return tuple(
        ObjectiveRow(name, "share", wanted, value, None if value is None else value <= wanted)
        for name, wanted, value in (
            ("p50 error, median", P50_WANTED, error.p50_median),
            ("p99 error, median", P99_WANTED, error.p99_median),
        )
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None

"""The answer of a validation in a sentence."""

from reports import figures
from reports.verdict import Verdict, outcome_by
from sim.results.validation import ValidationDocument


def verdict(document: ValidationDocument) -> Verdict:
    """Return how far predictions are from measurements, and whether that is near enough."""
    error, setup = document.error, document.setup
    missing = (
        f" Of {figures.whole(error.points)} medians, {figures.whole(error.unpredicted)} were not "
        "predicted at all."
        if error.unpredicted
        else ""
    )
    headline = (
        f"Half of the predicted medians are within {figures.rounded_share(error.p50_median)} of "
        f"the measured ones, half of the 99th percentiles within "
        f"{figures.rounded_share(error.p99_median)}.{missing}"
        if error.p50_median is not None
        else f"Less than half of the medians were predicted.{missing}"
        if error.points
        else "No prediction could be held against a measurement."
    )
    limit = (
        f"The server answered at most {figures.rate(setup.measured_max_per_s)}; the model says "
        f"that {figures.rate(setup.predicted_max_per_s)} saturate it."
    )
    return Verdict(outcome_by(document.objectives), headline, limit)

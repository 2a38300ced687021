"""The figures of a validation that a reader wants first."""

from reports import figures
from reports.key_figures import KeyFigure
from sim.results.validation import ValidationDocument


def key_figures(document: ValidationDocument) -> tuple[KeyFigure, ...]:
    """Return the key figures of a validation."""
    error, setup = document.error, document.setup
    points, p99_points = (
        f"median of {figures.whole(number)} points not calibrated on"
        for number in (error.points, error.p99_points)
    )
    return (
        KeyFigure("Error of medians", figures.rounded_share(error.p50_median), points),
        KeyFigure("Error of 99th percentiles", figures.rounded_share(error.p99_median), p99_points),
        KeyFigure(
            "Not predicted",
            figures.whole(error.unpredicted),
            "measured medians that have no prediction",
        ),
        KeyFigure("Error of throughput", figures.share(error.throughput_median), "median of loads"),
        KeyFigure(
            "Error of freshness", figures.rounded_share(error.freshness_p50_median), "of its median"
        ),
        KeyFigure("Measured maximum", figures.rate(setup.measured_max_per_s), "answered"),
        KeyFigure(
            "Predicted maximum", figures.rate(setup.predicted_max_per_s), "the first box saturates"
        ),
        KeyFigure(
            "Measured figures",
            figures.whole(document.measured_figures),
            f"of the scenario's, {figures.whole(document.assumed_figures)} are assumed",
        ),
    )

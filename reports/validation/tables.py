"""The tables of a validation: for the report, and as CSV in base units."""

from collections.abc import Sequence
from dataclasses import asdict

from reports import figures
from reports.content import Column, Kind, Table
from reports.tables import csv
from sim.results.validation import ValidationDocument, ValidationLoad, ValidationPoint


def csv_tables(document: ValidationDocument) -> dict[str, str]:
    """Return each table as CSV by its name; a value that is not known is empty."""
    rows = {
        "points": [asdict(row) for row in document.points],
        "loads": [
            {**asdict(row), "invalid_because": "; ".join(row.invalid_because)}
            for row in document.loads
        ],
        "objectives": [asdict(row) for row in document.objectives],
    }
    return {name: csv(table) for name, table in rows.items() if table}


def points_table(points: Sequence[ValidationPoint]) -> Table:
    """Return predicted against measured, flow by flow."""
    return Table(
        title="Response times, predicted against measured",
        columns=(
            Column("offered"),
            Column("flow"),
            *(
                Column(title, Kind.NUMBER)
                for title in ("requests", "p50", "measured", "error", "p99", "measured", "error")
            ),
            Column("calibrated on"),
        ),
        rows=tuple(
            (
                load_name(point.offered_per_s, point.mix),
                figures.label(point.flow),
                figures.whole(point.requests),
                figures.duration(point.predicted_p50_s),
                figures.duration(point.measured_p50_s),
                figures.rounded_share(point.p50_error),
                figures.duration(point.predicted_p99_s),
                figures.duration(point.measured_p99_s),
                figures.rounded_share(point.p99_error),
                "yes" if point.calibrated_on else "",
            )
            for point in points
        ),
    )


def loads_table(loads: Sequence[ValidationLoad]) -> Table:
    """Return predicted against measured, load by load."""
    titles = ("of maximum", "answered", "measured", "busy", "measured")
    fresh = ("freshness p50", "measured", "freshness p99", "measured")
    return Table(
        title="Throughput, utilisation and freshness, predicted against measured",
        columns=(Column("offered"), *(Column(title, Kind.NUMBER) for title in (*titles, *fresh))),
        rows=tuple(
            (
                load_name(load.offered_per_s, load.mix),
                figures.rounded_share(load.share_of_max),
                figures.rate(load.predicted_per_s),
                figures.rate(load.measured_per_s),
                figures.rounded_share(load.predicted_utilisation),
                figures.rounded_share(load.measured_utilisation),
                figures.duration(load.predicted_freshness_p50_s),
                figures.duration(load.measured_freshness_p50_s),
                figures.duration(load.predicted_freshness_p99_s),
                figures.duration(load.measured_freshness_p99_s),
            )
            for load in loads
        ),
    )


def brief_points_table(points: Sequence[ValidationPoint]) -> Table:
    """Return what fits a terminal of 80 columns: no requests, a star for calibrated loads."""
    titles = ("p50", "meas.", "error", "p99", "meas.", "error")
    return Table(
        title="Response times, predicted and measured (* a load that was calibrated on)",
        columns=(Column("load"), Column("flow"), *(Column(title, Kind.NUMBER) for title in titles)),
        rows=tuple(
            (
                _brief_name(point.offered_per_s, point.mix, calibrated_on=point.calibrated_on),
                figures.label(point.flow),
                figures.duration(point.predicted_p50_s),
                figures.duration(point.measured_p50_s),
                figures.rounded_share(point.p50_error),
                figures.duration(point.predicted_p99_s),
                figures.duration(point.measured_p99_s),
                figures.rounded_share(point.p99_error),
            )
            for point in points
        ),
    )


def brief_loads_table(loads: Sequence[ValidationLoad]) -> Table:
    """Return what fits a terminal of 80 columns."""
    titles = ("answered", "meas.", "busy", "meas.", "fresh p50", "meas.")
    return Table(
        title="Throughput, utilisation and freshness, predicted and measured",
        columns=(Column("load"), *(Column(title, Kind.NUMBER) for title in titles)),
        rows=tuple(
            (
                _brief_name(load.offered_per_s, load.mix, calibrated_on=load.calibrated_on),
                figures.rate(load.predicted_per_s),
                figures.rate(load.measured_per_s),
                figures.rounded_share(load.predicted_utilisation),
                figures.rounded_share(load.measured_utilisation),
                figures.duration(load.predicted_freshness_p50_s),
                figures.duration(load.measured_freshness_p50_s),
            )
            for load in loads
        ),
    )


def _brief_name(offered_per_s: float, mix: str, *, calibrated_on: bool) -> str:
    other = "" if mix == _USUAL else f" {mix}"
    return f"{offered_per_s:.0f}/s{other}{'*' if calibrated_on else ''}"


_USUAL = "usual"


def load_name(offered_per_s: float, mix: str) -> str:
    """Return what a load is called."""
    return f"{figures.rate(offered_per_s)}{'' if mix == _USUAL else f', {mix} mix'}"

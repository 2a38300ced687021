"""Chart: bytes stored over the years, with and without growth and copies."""

from collections.abc import Callable

from reports import figures
from reports.charts import spec
from reports.content import Chart, Column, Kind, Table
from reports.document import Json
from sim.results.simulation import SimulationDocument, YearRow

_LINES: tuple[tuple[str, Callable[[YearRow], float]], ...] = (
    ("posts, no growth", lambda row: row.post_bytes),
    ("posts, with growth", lambda row: row.post_bytes_with_growth),
    ("everything, with growth and copies", lambda row: row.all_bytes_with_copies),
)


def storage(document: SimulationDocument) -> Chart | None:
    """Return storage over the years, or None if no year was projected."""
    if not document.years:
        return None
    rows: list[spec.Row] = [
        {
            "year": row.year,
            "line": line,
            "bytes": float(value(row)),
            "text": figures.size(value(row)),
        }
        for line, value in _LINES
        for row in document.years
    ]
    names = [line for line, _ in _LINES]
    return Chart(
        name="storage",
        title="Storage over the years",
        sentence=_sentence(document.years[-1]),
        spec=spec.spec(
            rows,
            height=260,
            mark={"type": "line", "point": True, "strokeWidth": 2.5},
            encoding={
                "x": {
                    "field": "year",
                    "type": "quantitative",
                    "scale": {"zero": False, "nice": False},
                    "axis": spec.axis(title="year", format="d", tickMinStep=1),
                },
                "y": {
                    "field": "bytes",
                    "type": "quantitative",
                    "axis": spec.axis(spec.BYTES_LABEL, title="stored in total"),
                },
                "color": {
                    "field": "line",
                    "type": "nominal",
                    "scale": {"domain": names},
                    "legend": _legend(),
                },
                "tooltip": spec.tooltips(line="what", year="year", text="stored"),
            },
        ),
        data=Table(
            title="Bytes stored at the end of each year",
            columns=(Column("year"), *(Column(name, Kind.NUMBER) for name in names)),
            rows=tuple(
                (str(row.year), *(figures.size(value(row)) for _, value in _LINES))
                for row in document.years
            ),
            folded=True,
        ),
    )


def _legend() -> Json:
    return {
        "title": None,
        "orient": "bottom",
        "direction": "horizontal",
        "columns": {"expr": "width < 560 ? 1 : 3"},
        "labelLimit": 260,
    }


def _sentence(last: YearRow) -> str:
    plain, everything = figures.size(last.post_bytes), figures.size(last.all_bytes_with_copies)
    by_factor = (
        f", {figures.ratio(last.all_bytes_with_copies / last.post_bytes)} the plain figure"
        if last.post_bytes > 0
        else ""
    )
    return (
        f"After {last.year} years the posts alone are {plain}, or "
        f"{figures.size(last.post_bytes_with_growth)} with growth; renditions and copies make it "
        f"{everything}{by_factor}."
    )

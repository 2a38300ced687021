"""Chart: the design document's own figures against what its inputs give."""

from reports import figures
from reports.charts import spec
from reports.content import Chart, Column, Kind, Table
from reports.document import Json
from sim.results.estimates import EstimateRow
from sim.results.simulation import SimulationDocument

_ROUNDING = 0.01
"""A figure this near is the document's, rounded."""


def stated(document: SimulationDocument) -> Chart | None:
    """Return the ratios of computed to stated, or None if nothing is stated."""
    estimates = stated_estimates(document)
    if not estimates:
        return None
    rows: list[spec.Row] = [
        {
            "name": row.name,
            "difference": float(row.difference or 0),
            "text": figures.difference(row.difference),
            "stated": figures.figure(row.stated, row.unit),
            "computed": figures.figure(row.value, row.unit),
        }
        for row in estimates
    ]
    x = _difference_axis(estimates)
    return Chart(
        name="stated",
        title="Difference from the figure stated",
        sentence=_sentence(estimates),
        spec=spec.spec(
            rows,
            height=20 * len(rows),
            encoding={
                "y": {
                    "field": "name",
                    "type": "nominal",
                    "sort": [row.name for row in estimates],
                    "axis": spec.axis(labelLimit=spec.label_limit(240), grid=True),
                },
                "tooltip": spec.tooltips(
                    name="estimate", stated="stated", computed="computed", text="difference"
                ),
            },
            layer=[
                {
                    "data": {"values": [{"zero": 0}]},
                    "mark": {"type": "rule", "style": "span"},
                    "encoding": {"x": {"field": "zero", "type": "quantitative"}, "y": None},
                },
                {
                    "mark": {"type": "rule", "style": "stem"},
                    "encoding": {"x": x, "x2": {"datum": 0}},
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                    "encoding": {"x": x},
                },
                {
                    "mark": {"type": "text", "align": "left", "dx": 8, "style": "value"},
                    "encoding": {"x": x, "text": {"field": "text", "type": "nominal"}},
                },
            ],
        ),
        data=stated_table(estimates),
    )


def stated_estimates(document: SimulationDocument) -> tuple[EstimateRow, ...]:
    """Return the estimates that the design document states too."""
    return tuple(row for row in document.estimates if row.stated is not None)


def stated_table(estimates: tuple[EstimateRow, ...]) -> Table:
    """Return what is stated beside what is computed."""
    return Table(
        title="The design document's figures",
        columns=(
            Column("estimate", Kind.CODE),
            Column("stated", Kind.NUMBER),
            Column("computed", Kind.NUMBER),
            Column("difference", Kind.NUMBER),
            Column("formula"),
        ),
        rows=tuple(
            (
                row.name,
                figures.figure(row.stated, row.unit),
                figures.figure(row.value, row.unit),
                figures.difference(row.difference),
                row.formula,
            )
            for row in estimates
        ),
    )


def _difference_axis(estimates: tuple[EstimateRow, ...]) -> Json:
    widest = max(0.02, *(abs(row.difference or 0) for row in estimates))
    return {
        "field": "difference",
        "type": "quantitative",
        # Leaves room for the text beside the point furthest to the right.
        "scale": {"domain": [-1.15 * widest, 1.5 * widest]},
        "axis": spec.axis(
            "datum.value == 0 ? '0%' : format(datum.value, '+.0%')",
            title="computed against stated",
            tickCount=6,
        ),
    }


def _sentence(estimates: tuple[EstimateRow, ...]) -> str:
    near = sum(abs(row.difference or 0) <= _ROUNDING for row in estimates)
    furthest = max(estimates, key=lambda row: abs(row.difference or 0))
    agree = f"{near} of the {len(estimates)} stated figures are what their inputs give, within 1 %"
    if near == len(estimates):
        return f"{agree}."
    return (
        f"{agree}; furthest off is {furthest.name}: stated "
        f"{figures.figure(furthest.stated, furthest.unit)}, computed "
        f"{figures.figure(furthest.value, furthest.unit)}."
    )

"""Chart: how busy each box is, hour by hour."""

from reports import figures
from reports.charts import spec
from reports.content import Chart, Column, Kind, Table
from sim.results.simulation import SimulationDocument


def utilisation(document: SimulationDocument) -> Chart | None:
    """Return utilisation by box and hour, or None if no day was simulated."""
    peak_of: dict[str, tuple[float, int]] = {}
    for row in document.day:
        for box, busy in row.utilisation.items():
            peak_of[box] = max(peak_of.get(box, (-1.0, 0)), (busy, row.hour))
    if not peak_of:
        return None
    boxes = sorted(peak_of, key=lambda box: (-peak_of[box][0], box))
    rows: list[spec.Row] = [
        {
            "hour": row.hour,
            "at": figures.hour(row.hour),
            "box": figures.label(box),
            "busy": float(row.utilisation[box]),
            "text": figures.rounded_share(row.utilisation[box]),
        }
        for row in document.day
        for box in boxes
        if box in row.utilisation
    ]
    return Chart(
        name="utilisation",
        title="Utilisation by box and hour",
        sentence=_sentence(document.sampling.region, peak_of, boxes),
        spec=spec.spec(
            rows,
            height=17 * len(boxes),
            mark={"type": "rect", "stroke": None},
            encoding={
                "x": {
                    "field": "hour",
                    "type": "ordinal",
                    "scale": {"padding": 0.06},
                    "axis": spec.hour_axis(),
                },
                "y": {
                    "field": "box",
                    "type": "nominal",
                    "sort": [figures.label(box) for box in boxes],
                    "scale": {"padding": 0.12},
                    "axis": spec.axis(),
                },
                "color": {
                    "field": "busy",
                    "type": "quantitative",
                    "scale": {"domain": [0, 1], "clamp": True, "interpolate": "lab"},
                    "legend": {
                        "title": "of the workers busy",
                        "orient": "bottom",
                        "labelExpr": spec.SHARE_LABEL,
                        "gradientLength": {"expr": "min(width, 260)"},
                        "gradientThickness": 8,
                        "values": [0, 0.25, 0.5, 0.75, 1],
                    },
                },
                "tooltip": spec.tooltips(box="box", at="hour (UTC)", text="busy"),
            },
        ),
        data=_table(document, boxes),
    )


def _sentence(region: str, peak_of: dict[str, tuple[float, int]], boxes: list[str]) -> str:
    busiest = boxes[0]
    peak, peak_hour = peak_of[busiest]
    over_half = sum(busy > 0.5 for busy, _ in peak_of.values())  # noqa: PLR2004 - a half
    others = f"{over_half} of {len(boxes)} boxes pass" if over_half else "no box passes"
    return (
        f"In {figures.place(region)} the {figures.label(busiest)} is busiest, "
        f"{figures.rounded_share(peak)} at {figures.hour(peak_hour)} UTC; "
        f"{others} one half at any hour."
    )


def _table(document: SimulationDocument, boxes: list[str]) -> Table:
    return Table(
        title="Share of the workers that are busy, by hour (UTC) and box",
        columns=(Column("hour"), *(Column(figures.label(box), Kind.NUMBER) for box in boxes)),
        rows=tuple(
            (
                figures.hour(row.hour),
                *(figures.rounded_share(row.utilisation.get(box)) for box in boxes),
            )
            for row in document.day
        ),
        folded=True,
    )

"""What the bar charts of cost and failures share: one bar a line, its value printed beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.charts import spec
from reports.document import JsonObject


@dataclass(frozen=True, slots=True)
class Bar:
    """One line: `text` is the value as it is printed."""

    name: str
    value: float
    text: str
    share: str


def bars(lines: Sequence[Bar], *, value_title: str) -> JsonObject:
    """Return horizontal bars, longest first, each with its value at its end."""
    ordered = sorted(lines, key=lambda line: -line.value)
    rows: list[spec.Row] = [
        {"name": line.name, "value": float(line.value), "text": line.text, "share": line.share}
        for line in ordered
    ]
    longest = max((line.value for line in ordered), default=0)
    return spec.spec(
        rows,
        height=24 * len(ordered),
        encoding={
            "y": {
                "field": "name",
                "type": "nominal",
                "sort": [line.name for line in ordered],
                "axis": spec.axis(labelLimit=spec.label_limit(220)),
            },
            "x": {
                "field": "value",
                "type": "quantitative",
                # Leaves room for the text at the end of the longest bar.
                "scale": {"domain": [0, 1.22 * longest or 1]},
                "axis": None,
            },
            "tooltip": spec.tooltips(name="what", text=value_title, share="share"),
        },
        layer=[
            {"mark": {"type": "bar", "height": 14, "cornerRadiusEnd": 2}},
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "style": "value"},
                "encoding": {"text": {"field": "text", "type": "nominal"}},
            },
        ],
    )

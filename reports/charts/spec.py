"""The parts that the charts' Vega-Lite specifications have in common."""

from collections.abc import Iterable, Sequence

from reports.document import Json, JsonObject

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""Names the language of a specification; nothing is loaded from there."""

BYTES_LABEL = "format(datum.value, '~s') + 'B'"
COUNT_LABEL = "replace(replace(format(datum.value, '~s'), 'k', 'K'), 'G', 'B')"
USD_LABEL = f"'$' + {COUNT_LABEL}"
SHARE_LABEL = "format(datum.value, '.0%')"
DURATION_LABEL = (
    "datum.value >= 60 ? format(datum.value / 60, '~g') + ' min' : "
    "datum.value >= 1 ? format(datum.value, '~g') + ' s' : "
    "datum.value >= 0.001 ? format(datum.value * 1e3, '~g') + ' ms' : "
    "format(datum.value * 1e6, '~g') + ' us'"
)
HOUR_LABEL = "(datum.value < 10 ? '0' : '') + datum.value + ':00'"

Row = dict[str, str | float | None]


def spec(rows: Sequence[Row], *, height: int, **parts: Json) -> JsonObject:
    """Return a specification over these rows, as wide as its container."""
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": rows},
        **parts,
    }


def axis(label: str | None = None, *, title: str | None = None, **parts: Json) -> Json:
    """Return an axis whose labels are the expression `label`."""
    labels: dict[str, Json] = {} if label is None else {"labelExpr": label}
    return {"title": title, **labels, **parts}


def hour_axis() -> Json:
    """Return the axis of the hours of a day."""
    return axis(HOUR_LABEL, title="hour (UTC)", values=[0, 3, 6, 9, 12, 15, 18, 21], labelAngle=0)


def label_limit(wide_px: int) -> Json:
    """Return how long a label may be: less on a narrow screen."""
    return {"expr": f"(containerSize()[0] || 760) < 460 ? 118 : {wide_px}"}


def log_axis(values: Iterable[float], *, title: str) -> dict[str, Json]:
    """Return the logarithmic scale and axis of these durations, which are above zero."""
    known = sorted(values)
    ticks = [digit * 10.0**power for power in range(-7, 6) for digit in (1, 2, 5)]
    low = max(tick for tick in ticks if tick <= max(known[0], ticks[0]))
    high = min((tick for tick in ticks if tick >= known[-1]), default=ticks[-1])
    inside = [tick for tick in ticks if low <= tick <= high]
    return {
        "scale": {"type": "log", "domain": [low, high], "clamp": True},
        "axis": axis(DURATION_LABEL, title=title, values=inside),
    }


def legend(columns_wide: int) -> Json:
    """Return a legend below the chart, in two columns on a narrow screen."""
    return {
        "title": None,
        "orient": "bottom",
        "direction": "horizontal",
        "columns": {"expr": f"width < 420 ? 2 : {columns_wide}"},
        "labelLimit": {"expr": "width < 420 ? 130 : 240"},
    }


def tooltips(**titles: str) -> Json:
    """Return a tooltip that shows these fields, which hold text, under these titles."""
    return [{"field": name, "type": "nominal", "title": title} for name, title in titles.items()]

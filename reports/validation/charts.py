"""Charts of a validation: predicted and measured against the offered load."""

from collections.abc import Callable, Sequence

from reports import figures
from reports.charts import spec
from reports.content import Chart
from reports.document import Json, JsonObject
from reports.validation.tables import loads_table, points_table
from sim.results.validation import ValidationDocument, ValidationLoad, ValidationPoint

_USUAL = "usual"
PREDICTED, MEASURED = "predicted", "measured"

_Value = Callable[[ValidationPoint], float | None]
_Figure = Callable[[ValidationLoad], float | None]


def medians(document: ValidationDocument) -> Chart | None:
    """Return the median response times of the flows, or None of nothing."""
    return _times(
        document,
        name="medians",
        title="Median response times",
        of=(lambda point: point.predicted_p50_s, lambda point: point.measured_p50_s),
        error=lambda point: point.p50_error,
    )


def slowest(document: ValidationDocument) -> Chart | None:
    """Return the 99th percentiles of the flows, or None of nothing."""
    return _times(
        document,
        name="slowest",
        title="99th percentiles of response times",
        of=(lambda point: point.predicted_p99_s, lambda point: point.measured_p99_s),
        error=lambda point: point.p99_error,
    )


def throughput(document: ValidationDocument) -> Chart | None:
    """Return what was answered, or None of nothing."""
    loads = [load for load in document.loads if load.mix == _USUAL]
    behind = [load for load in loads if load.measured_per_s < 0.95 * load.offered_per_s]
    sentence = (
        f"From {figures.rate(min(load.offered_per_s for load in behind))} on the server no longer "
        "answers all that is offered."
        if behind
        else "The server answered all that was offered."
    )
    return _lines(
        document,
        name="throughput",
        title="Answered requests",
        sentence=sentence,
        of=(lambda load: load.predicted_per_s, lambda load: load.measured_per_s),
    )


def freshness(document: ValidationDocument) -> Chart | None:
    """Return the median freshness, or None of nothing."""
    error = document.error.freshness_p50_median
    return _lines(
        document,
        name="freshness",
        title="Median freshness, as its watchers see it",
        sentence="From a post's confirmation until the last of its watchers has read it; half of "
        f"the predictions are within {figures.rounded_share(error)}.",
        of=(
            lambda load: load.predicted_freshness_p50_s,
            lambda load: load.measured_freshness_p50_s,
        ),
        log=True,
    )


def _times(
    document: ValidationDocument,
    *,
    name: str,
    title: str,
    of: tuple[_Value, _Value],
    error: _Value,
) -> Chart | None:
    points = [point for point in document.points if point.mix == _USUAL]
    rows: list[spec.Row] = [
        {
            "at": point.offered_per_s,
            "value": value,
            "flow": figures.label(point.flow),
            "who": who,
            "text": figures.duration(value),
        }
        for point in points
        for who, value_of in zip((PREDICTED, MEASURED), of, strict=True)
        if (value := value_of(point))
    ]
    known = [(point, found) for point in points if (found := error(point)) is not None]
    if not rows or not known:
        return None
    worst, by = max(known, key=lambda pair: pair[1])
    axis = spec.log_axis([float(row["value"] or 0) for row in rows], title="time, log scale")
    return Chart(
        name=name,
        title=title,
        sentence=f"The prediction is furthest off for {figures.label(worst.flow)} at "
        f"{figures.rate(worst.offered_per_s)}: by {figures.rounded_share(by)}.",
        spec=_spec(rows, axis, names=sorted({str(row["flow"]) for row in rows}), color="flow"),
        data=points_table(document.points),
    )


def _lines(
    document: ValidationDocument,
    *,
    name: str,
    title: str,
    sentence: str,
    of: tuple[_Figure, _Figure],
    log: bool = False,
) -> Chart | None:
    told = figures.duration if log else figures.rate
    rows: list[spec.Row] = [
        {"at": load.offered_per_s, "value": value, "who": who, "text": told(value)}
        for load in document.loads
        if load.mix == _USUAL
        for who, value_of in zip((PREDICTED, MEASURED), of, strict=True)
        if (value := value_of(load))
    ]
    if not rows:
        return None
    axis = (
        spec.log_axis([float(row["value"] or 0) for row in rows], title="time, log scale")
        if log
        else {"axis": spec.axis(spec.COUNT_LABEL, title="requests/s")}
    )
    return Chart(
        name=name,
        title=title,
        sentence=sentence,
        spec=_spec(rows, axis, names=[PREDICTED, MEASURED], color="who"),
        data=loads_table(document.loads),
    )


def _spec(
    rows: Sequence[spec.Row], axis: dict[str, Json], *, names: Sequence[str], color: str
) -> JsonObject:
    shown = {"flow": "flow"} if color == "flow" else {}
    return spec.spec(
        rows,
        height=260,
        mark={"type": "line", "point": {"size": 40}, "strokeWidth": 2.25},
        encoding={
            "x": {
                "field": "at",
                "type": "quantitative",
                "axis": spec.axis(title="offered, requests/s"),
            },
            "y": {"field": "value", "type": "quantitative", **axis},
            "color": {
                "field": color,
                "type": "nominal",
                "scale": {"domain": list(names)},
                "legend": spec.legend(4),
            },
            "strokeDash": {
                "field": "who",
                "type": "nominal",
                "scale": {"domain": [MEASURED, PREDICTED], "range": [[1, 0], [5, 4]]},
                "legend": spec.legend(4),
            },
            "tooltip": spec.tooltips(**shown, who="what", text="value"),
        },
    )

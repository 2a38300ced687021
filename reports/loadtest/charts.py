"""Charts of a load test: percentiles by flow, the run over time, and the levels of a search."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from reports import figures
from reports.charts import spec
from reports.content import Chart, Column, Kind, Table
from reports.document import Json, JsonObject
from sim.results.loadtest import Level, LoadtestDocument, MeasuredFlow, SecondRow

_Row = TypeVar("_Row")
_Lines = Sequence[tuple[str, Callable[[_Row], float | None]]]

PERCENTILES: _Lines[MeasuredFlow] = (
    ("median", lambda flow: flow.p50_s),
    ("p95", lambda flow: flow.p95_s),
    ("p99", lambda flow: flow.p99_s),
    ("p99.9", lambda flow: flow.p999_s),
)

_SECONDS: _Lines[SecondRow] = (
    ("p99", lambda row: row.p99_s),
    ("median", lambda row: row.p50_s),
    ("freshness, slowest", lambda row: row.freshness_s),
)

_RATES: _Lines[SecondRow] = (
    ("offered", lambda row: row.offered_per_s),
    ("achieved", lambda row: row.achieved_per_s),
    ("errors", lambda row: row.errors_per_s),
)

_LEVELS: _Lines[Level] = (
    ("feed page p99", lambda level: level.p99_s),
    ("feed page median", lambda level: level.p50_s),
    ("freshness p99", lambda level: level.freshness_p99_s),
)


def percentiles(document: LoadtestDocument) -> Chart | None:
    """Return percentiles of each flow's response times, or None if there are none."""
    flows = sorted(
        (flow for flow in document.flows if flow.p50_s), key=lambda flow: flow.p99_s or 0
    )
    rows: list[spec.Row] = [
        {
            "flow": flow.title,
            "percentile": name,
            "seconds": seconds,
            "text": figures.duration(seconds),
        }
        for flow in flows
        for name, value in PERCENTILES
        if (seconds := value(flow))
    ]
    if not rows:
        return None
    return Chart(
        name="percentiles",
        title="Response times by flow",
        sentence=_slowest(flows),
        spec=spec.spec(
            rows,
            height=30 * len(flows),
            encoding={
                "y": {
                    "field": "flow",
                    "type": "nominal",
                    "sort": [flow.title for flow in flows],
                    "axis": spec.axis(labelLimit=spec.label_limit(220), grid=True),
                }
            },
            layer=[_span(), _dots(rows)],
        ),
        data=_flow_table(document),
    )


def _span() -> Json:
    seconds: dict[str, Json] = {"field": "seconds", "type": "quantitative"}
    return {
        "mark": {"type": "rule", "style": "span"},
        "encoding": {
            "x": {**seconds, "aggregate": "min"},
            "x2": {"field": "seconds", "aggregate": "max"},
        },
    }


def _dots(rows: Sequence[spec.Row]) -> Json:
    known = [float(row["seconds"] or 0) for row in rows]
    axis = spec.log_axis(known, title="response time, log scale")
    return {
        "mark": {"type": "point", "filled": True, "size": 85, "opacity": 1},
        "encoding": {
            "x": {"field": "seconds", "type": "quantitative", **axis},
            "color": _named("percentile", [name for name, _ in PERCENTILES]),
            "shape": _named("percentile", [name for name, _ in PERCENTILES]),
            "tooltip": spec.tooltips(flow="flow", percentile="percentile", text="response time"),
        },
    }


def _named(field: str, names: Sequence[str]) -> Json:
    return {
        "field": field,
        "type": "nominal",
        "scale": {"domain": list(names)},
        "legend": spec.legend(4),
    }


def _slowest(flows: Sequence[MeasuredFlow]) -> str:
    slowest = flows[-1]
    if slowest.p99_s is None:
        return "Too few requests were answered for a 99th percentile."
    return (
        f"“{slowest.title}” is the slowest: one request in a hundred takes longer than "
        f"{figures.duration(slowest.p99_s)}, counted from when it was due."
    )


def _flow_table(document: LoadtestDocument) -> Table:
    titles = ("requests", "errors", "mean", *(name for name, _ in PERCENTILES), "slowest")
    return Table(
        title="Response times from when a request was due; service p99 from when it was sent",
        columns=(
            Column("flow"),
            *(Column(title, Kind.NUMBER) for title in (*titles, "service p99")),
        ),
        rows=tuple(
            (
                flow.title,
                figures.whole(flow.requests),
                figures.whole(flow.errors),
                figures.duration(flow.mean_s),
                *(figures.duration(value(flow)) for _, value in PERCENTILES),
                figures.duration(flow.max_s),
                figures.duration(flow.service_p99_s),
            )
            for flow in document.flows
        ),
    )


def over_time(document: LoadtestDocument) -> Chart | None:
    """Return response times second by second, or None if there are none."""
    rows = _line_rows(document.timeline, _SECONDS, lambda row: row.at_s, figures.duration)
    if not rows:
        return None
    known = [row.p99_s for row in document.timeline if row.p99_s is not None]
    told = (
        f"The p99 of a second lies between {figures.duration(min(known))} and "
        f"{figures.duration(max(known))}."
        if known
        else "No second has enough requests for a 99th percentile."
    )
    return Chart(
        name="over_time",
        title="Response times over the run",
        sentence=told,
        spec=_lines(rows, [name for name, _ in _SECONDS], x="seconds since the start", log=True),
        data=_timeline_table(document.timeline),
    )


def kept_up(document: LoadtestDocument) -> Chart | None:
    """Return what was offered and what was achieved, or None of nothing."""
    rows = _line_rows(document.timeline, _RATES, lambda row: row.at_s, figures.load)
    if not rows:
        return None
    share = document.achieved_per_s / document.offered_per_s if document.offered_per_s else None
    return Chart(
        name="kept_up",
        title="Offered and achieved",
        sentence=f"{figures.share(share)} of what was offered was answered rightly in the time.",
        spec=_lines(rows, [name for name, _ in _RATES], x="seconds since the start", log=False),
        data=_rate_table(document.timeline),
    )


def against_load(document: LoadtestDocument) -> Chart | None:
    """Return response times against the offered load, or None without a search."""
    levels = sorted(document.levels, key=lambda level: level.offered_per_s)
    # Of a load that was tried again, the last try that told of the server.
    told = {level.offered_per_s: level for level in levels if level.good is not None}
    rows = _line_rows(
        list(told.values()), _LEVELS, lambda level: level.offered_per_s, figures.duration
    )
    if not rows:
        return None
    return Chart(
        name="against_load",
        title="Response times against load",
        sentence=_break(document),
        spec=_lines(rows, [name for name, _ in _LEVELS], x="offered, requests/s", log=True),
        data=_level_table(levels),
    )


def _break(document: LoadtestDocument) -> str:
    found = document.breakpoint
    if found is None or found.first_bad_per_s is None:
        if not any(level.good is False for level in document.levels):
            return "The objectives held at every load that could be measured."
        return "Where the objectives break was not found."
    bad = next(
        (
            level.because
            for level in reversed(document.levels)
            if level.offered_per_s == found.first_bad_per_s
        ),
        "",
    )
    return f"At {figures.load(found.first_bad_per_s)} the objectives break: {bad}."


def _line_rows(
    values: Sequence[_Row],
    lines: _Lines[_Row],
    at: Callable[[_Row], float],
    told: Callable[[float], str],
) -> list[spec.Row]:
    return [
        {"at": at(row), "line": name, "value": float(number), "text": told(number)}
        for name, value in lines
        for row in values
        if (number := value(row)) is not None
    ]


def _lines(rows: Sequence[spec.Row], names: Sequence[str], *, x: str, log: bool) -> JsonObject:
    values = [float(row["value"] or 0) for row in rows]
    axis = (
        spec.log_axis([value for value in values if value], title="time, log scale")
        if log
        else {"axis": spec.axis(spec.COUNT_LABEL, title="requests/s")}
    )
    return spec.spec(
        rows,
        height=240,
        mark={"type": "line", "point": {"size": 22}, "strokeWidth": 2.25},
        encoding={
            "x": {"field": "at", "type": "quantitative", "axis": spec.axis(title=x)},
            "y": {"field": "value", "type": "quantitative", **axis},
            "color": _named("line", names),
            "strokeDash": _named("line", names),
            "tooltip": spec.tooltips(line="what", at=x, text="value"),
        },
    )


def _timeline_table(timeline: Sequence[SecondRow]) -> Table:
    return _table(
        "Response times by second",
        "second",
        [(f"{row.at_s:g}", row) for row in timeline],
        [(name, _of_duration(value)) for name, value in _SECONDS],
    )


def _rate_table(timeline: Sequence[SecondRow]) -> Table:
    columns = [(name, _of_rate(value)) for name, value in _RATES]
    columns += [
        ("server busy", lambda row: figures.rounded_share(row.server_cpu)),
        ("generator busy", lambda row: figures.rounded_share(row.generator_cpu)),
    ]
    return _table(
        "Requests by second", "second", [(f"{row.at_s:.0f}", row) for row in timeline], columns
    )


def _level_table(levels: Sequence[Level]) -> Table:
    columns: list[tuple[str, Callable[[Level], str]]] = [
        ("achieved", lambda level: figures.load(level.achieved_per_s)),
        *((name, _of_duration(value)) for name, value in _LEVELS),
        ("server busy", lambda level: figures.rounded_share(level.server_cpu)),
        ("verdict", _level_verdict),
    ]
    named = [(figures.load(level.offered_per_s), level) for level in levels]
    return _table("Levels of the search", "offered", named, columns, folded=False)


def _level_verdict(level: Level) -> str:
    if level.good is None:
        return f"not measured: {level.because}"
    return "good" if level.good else level.because


def _of_duration(value: Callable[[_Row], float | None]) -> Callable[[_Row], str]:
    return lambda row: figures.duration(value(row))


def _of_rate(value: Callable[[_Row], float | None]) -> Callable[[_Row], str]:
    return lambda row: figures.load(value(row))


def _table(
    title: str,
    first: str,
    rows: Sequence[tuple[str, _Row]],
    columns: Sequence[tuple[str, Callable[[_Row], str]]],
    *,
    folded: bool = True,
) -> Table:
    return Table(
        title=title,
        columns=(
            Column(first),
            *(Column(name, Kind.TEXT if name == "verdict" else Kind.NUMBER) for name, _ in columns),
        ),
        rows=tuple((name, *(text(row) for _, text in columns)) for name, row in rows),
        folded=folded,
    )

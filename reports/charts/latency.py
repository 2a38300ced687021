"""Chart: percentiles of the response times, flow by flow."""

from reports import figures
from reports.charts import spec
from reports.content import Chart, Column, Kind, Table
from reports.document import Json
from sim.results.simulation import FlowRow, SimulationDocument

PERCENTILES = ("median", "p95", "p99", "p99.9")


def latency(document: SimulationDocument) -> Chart | None:
    """Return latency percentiles by flow, or None if no flow has any."""
    flows = sorted(
        (flow for flow in document.flows if flow.p50_s), key=lambda flow: flow.p99_s or 0
    )
    if not flows:
        return None
    points: list[spec.Row] = [
        {
            "flow": flow.title,
            "percentile": percentile,
            "seconds": float(value),
            "text": figures.duration(value),
        }
        for flow in flows
        for percentile, value in zip(PERCENTILES, percentiles_of(flow), strict=True)
        if value
    ]
    return Chart(
        name="latency",
        title="Response times by flow",
        sentence=_sentence(flows),
        spec=spec.spec(
            points,
            height=30 * len(flows),
            encoding={
                "y": {
                    "field": "flow",
                    "type": "nominal",
                    "sort": [flow.title for flow in flows],
                    "axis": spec.axis(labelLimit=spec.label_limit(220), grid=True),
                },
            },
            layer=[
                _span(),
                _interval([flow for flow in flows if flow.p99_ci_s]),
                _points(flows),
            ],
        ),
        data=_table(document),
    )


def percentiles_of(flow: FlowRow) -> tuple[float | None, ...]:
    """Return the flow's values of `PERCENTILES`."""
    return flow.p50_s, flow.p95_s, flow.p99_s, flow.p999_s


def _table(document: SimulationDocument) -> Table:
    """Return the response times of every flow, also those with too few requests to tell."""
    return Table(
        title="Response times at the peak",
        columns=(
            Column("flow"),
            *(
                Column(title, Kind.NUMBER)
                for title in ("requests", "failed", "mean", *PERCENTILES, "p99, 95 % interval")
            ),
        ),
        rows=tuple(
            (
                flow.title,
                figures.whole(flow.requests),
                figures.whole(flow.failed),
                figures.duration(flow.mean_s),
                *(figures.duration(value) for value in percentiles_of(flow)),
                _interval_text(flow.p99_ci_s),
            )
            for flow in document.flows
        ),
    )


def _interval_text(interval: tuple[float, float] | None) -> str:
    low, high = interval or (None, None)
    return figures.interval(low, high, "s")


def _seconds(field: str, *, aggregate: str | None = None) -> dict[str, Json]:
    return {
        "field": field,
        "type": "quantitative",
        **({"aggregate": aggregate} if aggregate else {}),
    }


def _time_axis(flows: list[FlowRow]) -> dict[str, Json]:
    seconds = [value for flow in flows for value in percentiles_of(flow) if value]
    bounds = [bound for flow in flows for bound in flow.p99_ci_s or () if bound > 0]
    return spec.log_axis(seconds + bounds, title="response time, log scale")


def _span() -> Json:
    return {
        "mark": {"type": "rule", "style": "span"},
        "encoding": {
            "x": _seconds("seconds", aggregate="min"),
            "x2": {"field": "seconds", "aggregate": "max"},
        },
    }


def _interval(flows: list[FlowRow]) -> Json:
    rows: list[spec.Row] = [
        {
            "flow": flow.title,
            "low": float(flow.p99_ci_s[0]),
            "high": float(flow.p99_ci_s[1]),
            "text": _interval_text(flow.p99_ci_s),
        }
        for flow in flows
        if flow.p99_ci_s and flow.p99_ci_s[0] > 0
    ]
    return {
        "data": {"values": rows},
        "mark": {"type": "bar", "style": "interval", "height": 14},
        "encoding": {
            "x": _seconds("low"),
            "x2": {"field": "high"},
            "tooltip": spec.tooltips(flow="flow", text="p99, 95 % interval"),
        },
    }


def _points(flows: list[FlowRow]) -> Json:
    return {
        "mark": {"type": "point", "filled": True, "size": 85, "opacity": 1},
        "encoding": {
            "x": {**_seconds("seconds"), **_time_axis(flows)},
            "color": {
                "field": "percentile",
                "type": "nominal",
                "scale": {"domain": list(PERCENTILES)},
                "legend": spec.legend(4),
            },
            "shape": {
                "field": "percentile",
                "type": "nominal",
                "scale": {"domain": list(PERCENTILES)},
                "legend": spec.legend(4),
            },
            "tooltip": spec.tooltips(flow="flow", percentile="percentile", text="response time"),
        },
    }


def _sentence(flows: list[FlowRow]) -> str:
    slowest = flows[-1]
    spread = max(flows, key=lambda flow: (flow.p99_s or 0) / (flow.p50_s or 1))
    if slowest.p99_s is None or spread.p99_s is None or not spread.p50_s:
        return "Too few requests were simulated for a 99th percentile."
    ratio = figures.ratio(spread.p99_s / spread.p50_s)
    varies = (
        f"It also varies most: that is {ratio} its median."
        if spread is slowest
        else f"“{spread.title}” varies most: its p99 is {ratio} its median."
    )
    return (
        f"“{slowest.title}” is the slowest: one request in a hundred takes longer than "
        f"{figures.duration(slowest.p99_s)}. {varies}"
    )

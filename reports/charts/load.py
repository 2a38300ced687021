"""Chart: the day's requests, hour by hour, by flow."""

from reports import figures
from reports.charts import spec
from reports.content import Chart, Column, Kind, Table
from sim.results.simulation import SimulationDocument


def load(document: SimulationDocument) -> Chart | None:
    """Return the day's load by flow, or None if no day was simulated."""
    if not any(sum(row.requests_per_s.values()) > 0 for row in document.day):
        return None
    titles = {flow.flow: flow.title for flow in document.flows}
    day_total: dict[str, float] = {}
    for row in document.day:
        for flow, per_s in row.requests_per_s.items():
            day_total[flow] = day_total.get(flow, 0) + per_s
    flows = sorted(day_total, key=lambda flow: -day_total[flow])
    rows: list[spec.Row] = [
        {
            "hour": row.hour,
            "at": figures.hour(row.hour),
            "flow": titles.get(flow, figures.label(flow)),
            "order": order,
            "per_s": float(row.requests_per_s.get(flow, 0)),
            "text": figures.rate(row.requests_per_s.get(flow, 0)),
        }
        for row in document.day
        for order, flow in enumerate(flows)
    ]
    names = [titles.get(flow, figures.label(flow)) for flow in flows]
    return Chart(
        name="load",
        title="Requests by flow",
        sentence=_sentence(document, names[0], day_total[flows[0]] / sum(day_total.values())),
        spec=spec.spec(
            rows,
            height=260,
            mark={"type": "area", "interpolate": "monotone"},
            encoding={
                "x": {
                    "field": "hour",
                    "type": "quantitative",
                    "scale": {"nice": False},
                    "axis": spec.hour_axis(),
                },
                "y": {
                    "field": "per_s",
                    "type": "quantitative",
                    "stack": "zero",
                    "axis": spec.axis(spec.COUNT_LABEL, title="requests/s"),
                },
                "color": {
                    "field": "flow",
                    "type": "nominal",
                    "scale": {"domain": names},
                    "legend": spec.legend(4),
                },
                "order": {"field": "order"},
                "tooltip": spec.tooltips(flow="flow", at="hour (UTC)", text="requests"),
            },
        ),
        data=Table(
            title="Requests a second by flow and hour (UTC)",
            columns=(
                Column("hour"),
                *(Column(name, Kind.NUMBER) for name in names),
                Column("all", Kind.NUMBER),
            ),
            rows=tuple(
                (
                    figures.hour(row.hour),
                    *(figures.count(row.requests_per_s.get(flow, 0)) for flow in flows),
                    figures.count(sum(row.requests_per_s.values())),
                )
                for row in document.day
            ),
            folded=True,
        ),
    )


def _sentence(document: SimulationDocument, busiest_flow: str, its_share: float) -> str:
    totals = {row.hour: sum(row.requests_per_s.values()) for row in document.day}
    peak_hour = max(totals, key=lambda hour: totals[hour])
    mean = sum(totals.values()) / len(totals)
    return (
        f"The day peaks at {figures.hour(peak_hour)} UTC with {figures.rate(totals[peak_hour])}, "
        f"{figures.ratio(totals[peak_hour] / mean)} its mean; "
        f"“{busiest_flow}” is {figures.rounded_share(its_share)} of all requests."
    )

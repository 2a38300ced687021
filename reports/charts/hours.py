"""Chart: feed pages, writes and freshness over the day."""

from collections.abc import Callable

from reports import figures
from reports.charts import spec
from reports.content import Chart, Column, Kind, Table
from sim.results.simulation import HourRow, SimulationDocument

_Value = Callable[[HourRow], float | None]

_LINES: tuple[tuple[str, _Value], ...] = (
    ("feed page p99", lambda row: row.feed_p99_s),
    ("feed page median", lambda row: row.feed_p50_s),
    ("writes p99", lambda row: row.write_p99_s),
    ("freshness p95", lambda row: row.freshness_p95_s),
)


def hours(document: SimulationDocument) -> Chart | None:
    """Return latency and freshness by hour, or None if no hour has any."""
    rows: list[spec.Row] = [
        {
            "hour": row.hour,
            "at": figures.hour(row.hour),
            "line": line,
            "seconds": float(seconds),
            "text": figures.duration(seconds),
        }
        for line, value in _LINES
        for row in document.day
        if (seconds := value(row))
    ]
    if not rows:
        return None
    drawn = {row["line"] for row in rows}
    names = [line for line, _ in _LINES if line in drawn]
    return Chart(
        name="hours",
        title="Latency and freshness over the day",
        sentence=_sentence(document.day),
        spec=spec.spec(
            rows,
            height=240,
            mark={"type": "line", "point": {"size": 22}, "strokeWidth": 2.25},
            encoding={
                "x": {
                    "field": "hour",
                    "type": "quantitative",
                    "scale": {"nice": False},
                    "axis": spec.hour_axis(),
                },
                "y": {
                    "field": "seconds",
                    "type": "quantitative",
                    **spec.log_axis(
                        (
                            seconds
                            for _, value in _LINES
                            for row in document.day
                            if (seconds := value(row))
                        ),
                        title="time, log scale",
                    ),
                },
                "color": {
                    "field": "line",
                    "type": "nominal",
                    "scale": {"domain": names},
                    "legend": spec.legend(4),
                },
                "strokeDash": {
                    "field": "line",
                    "type": "nominal",
                    "scale": {"domain": names},
                    "legend": spec.legend(4),
                },
                "tooltip": spec.tooltips(line="what", at="hour (UTC)", text="time"),
            },
        ),
        data=Table(
            title="Latency and freshness by hour (UTC)",
            columns=(
                Column("hour"),
                *(Column(line, Kind.NUMBER) for line, _ in _LINES),
                Column("events"),
            ),
            rows=tuple(
                (
                    figures.hour(row.hour),
                    *(figures.duration(value(row)) for _, value in _LINES),
                    "; ".join(row.events),
                )
                for row in document.day
            ),
            folded=True,
        ),
    )


def _sentence(day: tuple[HourRow, ...]) -> str:
    parts = [
        _swing("The p99 of a feed page", [(row.feed_p99_s, row.hour) for row in day]),
        _swing("freshness p95", [(row.freshness_p95_s, row.hour) for row in day]),
    ]
    told = [part for part in parts if part]
    if not told:
        return "Too few requests were simulated by hour for a 99th percentile."
    return f"{figures.sentence_case('; '.join(told))}."


def _swing(what: str, values: list[tuple[float | None, int]]) -> str:
    known = [(value, hour) for value, hour in values if value is not None]
    if not known:
        return ""
    (best, _), (worst, worst_hour) = min(known), max(known)
    if figures.duration(best) == figures.duration(worst):
        return f"{what} stays at {figures.duration(worst)} all day"
    return (
        f"{what} moves between {figures.duration(best)} and {figures.duration(worst)}, "
        f"worst at {figures.hour(worst_hour)} UTC"
    )

"""Chart: which assumptions move the bill most (a tornado)."""

from collections.abc import Iterable

from reports import figures
from reports.charts import spec
from reports.content import Chart, Column, Kind, Table
from reports.document import JsonObject
from sim.results.simulation import SensitivityRow, SimulationDocument

_SHOWN = 12


def sensitivity(document: SimulationDocument) -> Chart | None:
    """Return how far each assumption swings the cost, or None if none does."""
    swings = cost_swings(document)
    if not swings:
        return None
    shown = swings[:_SHOWN]
    base = document.cost.usd_per_month
    return Chart(
        name="sensitivity",
        title="What the cost is most sensitive to",
        sentence=_sentence(shown[0], base),
        spec=_tornado(shown, base),
        data=sensitivity_table("Cost a month", swings, folded=True),
    )


def cost_swings(document: SimulationDocument) -> tuple[SensitivityRow, ...]:
    """Return the swings of the monthly cost, widest first."""
    in_money = [row for row in document.sensitivity if row.unit.lower().startswith("usd")]
    if not in_money:
        return ()
    # Other amounts of money, such as the cost of one user, come after the bill as a whole.
    bill = next((row for row in in_money if "dau" not in row.estimate), in_money[0]).estimate
    return widest_first(row for row in in_money if row.estimate == bill)


def widest_first(rows: Iterable[SensitivityRow]) -> tuple[SensitivityRow, ...]:
    """Return the rows, widest swing first."""
    return tuple(sorted(rows, key=lambda row: -abs(row.value_at_high - row.value_at_low)))


def sensitivity_table(title: str, rows: tuple[SensitivityRow, ...], *, folded: bool) -> Table:
    """Return the swings of one estimate."""
    return Table(
        title=title,
        columns=(
            Column("assumption", Kind.CODE),
            Column("low", Kind.NUMBER),
            Column("high", Kind.NUMBER),
            Column("result at low", Kind.NUMBER),
            Column("result at high", Kind.NUMBER),
        ),
        rows=tuple(
            (
                row.assumption,
                row.assumption_low,
                row.assumption_high,
                figures.figure(row.value_at_low, row.unit),
                figures.figure(row.value_at_high, row.unit),
            )
            for row in rows
        ),
        folded=folded,
    )


def _tornado(shown: tuple[SensitivityRow, ...], base: float) -> JsonObject:
    rows: list[spec.Row] = [
        {
            "assumption": row.assumption,
            "end": end,
            "base": float(base),
            "value": float(value),
            "at": at,
            "text": figures.figure(value, row.unit),
        }
        for row in shown
        for end, at, value in (
            ("at its low end", row.assumption_low, row.value_at_low),
            ("at its high end", row.assumption_high, row.value_at_high),
        )
    ]
    return spec.spec(
        rows,
        height=22 * len(shown),
        encoding={
            "y": {
                "field": "assumption",
                "type": "nominal",
                "sort": [row.assumption for row in shown],
                "axis": spec.axis(labelLimit=spec.label_limit(240)),
            },
        },
        layer=[
            {
                "mark": {"type": "bar", "height": 13},
                "encoding": {
                    "x": {
                        "field": "value",
                        "type": "quantitative",
                        "scale": {"zero": False, "nice": True},
                        "axis": spec.axis(spec.USD_LABEL, title="USD a month", tickCount=5),
                    },
                    "x2": {"field": "base"},
                    "color": {
                        "field": "end",
                        "type": "nominal",
                        "sort": ["at its low end", "at its high end"],
                        "legend": spec.legend(2),
                    },
                    "tooltip": spec.tooltips(
                        assumption="assumption", at="value", text="cost a month"
                    ),
                },
            },
            {
                "data": {"values": [{"base": float(base)}]},
                "mark": {"type": "rule"},
                "encoding": {"x": {"field": "base", "type": "quantitative"}, "y": None},
            },
        ],
    )


def _sentence(widest: SensitivityRow, base: float) -> str:
    low, high = sorted((widest.value_at_low, widest.value_at_high))
    return (
        f"{widest.assumption} moves the bill most: from {figures.usd(low)} to "
        f"{figures.usd(high)} as it goes from {widest.assumption_low} to "
        f"{widest.assumption_high}, with {figures.usd(base)} in between."
    )

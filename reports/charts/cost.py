"""Chart: the monthly bill, line by line."""

from reports import figures
from reports.charts.bars import Bar, bars
from reports.content import Chart, Column, Kind, Table
from sim.results.simulation import Cost, CostLine, SimulationDocument


def cost(document: SimulationDocument) -> Chart | None:
    """Return the bill by line, or None if it has no lines."""
    bill = document.cost
    if not any(line.usd_per_month > 0 for line in bill.lines):
        return None
    return Chart(
        name="cost",
        title="Cost by line",
        sentence=_sentence(bill),
        spec=bars(
            [
                Bar(
                    name=figures.label(line.name),
                    value=line.usd_per_month,
                    text=figures.usd(line.usd_per_month),
                    share=_share(bill, line),
                )
                for line in bill.lines
            ],
            value_title="USD a month",
        ),
        data=cost_table(bill),
    )


def cost_table(bill: Cost) -> Table:
    """Return the bill, longest line first, with its total."""
    ordered = sorted(bill.lines, key=lambda line: -line.usd_per_month)
    return Table(
        title="The monthly bill",
        columns=(
            Column("line"),
            Column("a month", Kind.NUMBER),
            Column("share", Kind.NUMBER),
            Column("formula"),
        ),
        rows=(
            *(
                (
                    figures.label(line.name),
                    figures.usd(line.usd_per_month),
                    _share(bill, line),
                    line.formula,
                )
                for line in ordered
            ),
            ("all", figures.usd(bill.usd_per_month), "100 %", ""),
        ),
    )


def _share(bill: Cost, line: CostLine) -> str:
    if bill.usd_per_month <= 0:
        return figures.UNKNOWN
    return figures.rounded_share(line.usd_per_month / bill.usd_per_month)


def _sentence(bill: Cost) -> str:
    largest, *others = sorted(bill.lines, key=lambda line: -line.usd_per_month)
    name = figures.sentence_case(figures.label(largest.name))
    sentence = f"{name} is {_share(bill, largest)} of the bill"
    if not others:
        return f"{sentence}."
    rest = bill.usd_per_month - largest.usd_per_month
    return f"{sentence}; all the rest together is {figures.usd(rest)} a month."

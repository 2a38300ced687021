"""What a run prints: made to be read at 80 columns, in a terminal or in a file.

No cell is ever cut: numbers keep their line, texts are wrapped.
"""

from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from reports import figures
from reports.compare import Comparison, comparison_summary, comparison_tables
from reports.content import Cell, Column, Kind, Table
from reports.fleet import by_box
from reports.key_figures import key_figures
from reports.verdict import Outcome, verdict
from sim.results.estimates import EstimateRow, ScenarioSummary
from sim.results.simulation import SimulationDocument

_STYLES = {
    Outcome.MET.value: "bold green",
    Outcome.MISSED.value: "bold red",
    Outcome.UNKNOWN.value: "bold yellow",
    "problem": "bold red",
    "warning": "bold yellow",
    "note": "bold cyan",
}


def print_simulation(
    document: SimulationDocument, console: Console, report_path: Path | None = None
) -> None:
    """Print the verdict, the key figures, the fleet, the findings, and where the report is."""
    answer = verdict(document)
    print_title(document.scenario, console)
    print_text(answer.headline, console, style=style_of(answer.outcome))
    print_text(answer.breaks_first, console)
    print_table(_key_figures(document), console)
    stated = [row for row in document.estimates if row.stated is not None]
    if stated:
        print_table(_stated(stated), console)
    if document.fleet:
        print_table(_fleet(document), console)
    if document.findings:
        print_table(_findings(document), console)
    if report_path is not None:
        console.print()
        console.print(Text(f"Report: {figures.clean(str(report_path))}"), soft_wrap=True)


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print two runs side by side: the figures that differ."""
    print_text(f"A  {comparison.a}", console)
    print_text(f"B  {comparison.b}", console)
    for table in comparison_tables(comparison):
        print_table(table, console)
    console.print()
    print_text(comparison_summary(comparison), console)


def _key_figures(document: SimulationDocument) -> Table:
    return Table(
        title="Key figures",
        columns=(Column(""), Column("", Kind.NUMBER), Column("")),
        rows=tuple((figure.label, figure.value, figure.note) for figure in key_figures(document)),
    )


def _stated(rows: list[EstimateRow]) -> Table:
    return Table(
        title="The design document's figures",
        columns=(
            Column("estimate"),
            Column("stated", Kind.NUMBER),
            Column("computed", Kind.NUMBER),
            Column("diff", Kind.NUMBER),
        ),
        rows=tuple(
            (
                row.name,
                figures.figure(row.stated, row.unit),
                figures.figure(row.value, row.unit),
                figures.difference(row.difference),
            )
            for row in rows
        ),
    )


def _fleet(document: SimulationDocument) -> Table:
    return Table(
        title="Fleet, all regions",
        columns=(
            Column("box"),
            Column("instances", Kind.NUMBER),
            Column("busy", Kind.NUMBER),
            Column("region lost", Kind.NUMBER),
            Column("sized by"),
            Column("USD/month", Kind.NUMBER),
        ),
        rows=tuple(
            (
                figures.label(total.box),
                figures.whole(total.instances),
                figures.rounded_share(total.peak_utilisation),
                figures.rounded_share(total.utilisation_region_lost),
                total.limited_by,
                figures.usd(total.usd_per_month),
            )
            for total in by_box(document.fleet)
        ),
    )


def _findings(document: SimulationDocument) -> Table:
    return Table(
        title="Findings",
        columns=(Column("", Kind.STATUS), Column("")),
        rows=tuple((finding.severity, finding.text) for finding in document.findings),
    )


def style_of(outcome: Outcome) -> str:
    """Return how an outcome is set."""
    return _STYLES[outcome.value]


def print_title(scenario: ScenarioSummary, console: Console) -> None:
    """Print which scenario was run."""
    print_text(scenario.title or scenario.name, console, style="bold")
    print_text(
        f"{scenario.name}, {figures.count(scenario.dau)} daily users, "
        f"{figures.count(scenario.mau)} monthly, fan-out by {scenario.fanout}",
        console,
        style="dim",
    )
    console.print()


def print_text(text: str, console: Console, *, style: str = "") -> None:
    """Print a text without what would change the terminal."""
    console.print(Text(figures.clean(text), style=style))


def print_table(table: Table, console: Console) -> None:
    """Print a table under its title; texts give way where it is too wide."""
    heads = any(column.title for column in table.columns)
    printed = RichTable(box=None, pad_edge=False, show_header=heads, header_style="dim")
    for index, column in enumerate(table.columns):
        on_one_line = column.kind in {Kind.NUMBER, Kind.STATUS}
        cells = [column.title, *(str(row[index]) for row in table.rows)]
        printed.add_column(
            column.title,
            justify="right" if column.kind is Kind.NUMBER else "left",
            no_wrap=on_one_line,
            # Kept from being cut where a table is too wide: the texts give way.
            min_width=max(len(figures.clean(cell)) for cell in cells) if on_one_line else None,
            overflow="fold",
        )
    for row in table.rows:
        printed.add_row(
            *(_shown(cell, column) for cell, column in zip(row, table.columns, strict=True))
        )
    console.print()
    console.print(Text(figures.clean(table.title), style="bold"))
    console.print(Padding(printed, (0, 0, 0, 2), expand=False))


def _shown(cell: Cell, column: Column) -> Text:
    text = figures.clean(str(cell))
    return Text(text, style=_STYLES.get(text, "") if column.kind is Kind.STATUS else "")

"""What a load test prints."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from reports import figures
from reports.content import Column, Kind, Table
from reports.loadtest.charts import PERCENTILES
from reports.loadtest.key_figures import key_figures
from reports.loadtest.verdict import verdict
from reports.sections.opening import findings_table
from reports.terminal import print_table, print_text, print_title, style_of
from sim.results.loadtest import LoadtestDocument


def print_loadtest(
    document: LoadtestDocument, console: Console, report_path: Path | None = None
) -> None:
    """Print the verdict, the key figures, the flows, the findings, and where the report is."""
    answer = verdict(document)
    print_title(document.scenario, console)
    print_text(answer.headline, console, style=style_of(answer.outcome))
    print_text(answer.breaks_first, console)
    print_table(_key_figures(document), console)
    if document.flows:
        print_table(_flows(document, width=console.width), console)
    if document.errors:
        print_table(_errors(document), console)
    if document.findings:
        print_table(findings_table(document.findings), console)
    if report_path is not None:
        console.print()
        console.print(Text(f"Report: {figures.clean(str(report_path))}"), soft_wrap=True)


def _key_figures(document: LoadtestDocument) -> Table:
    return Table(
        title="Key figures",
        columns=(Column(""), Column("", Kind.NUMBER), Column("")),
        rows=tuple((figure.label, figure.value, figure.note) for figure in key_figures(document)),
    )


def _flows(document: LoadtestDocument, *, width: int) -> Table:
    # On a narrow screen names of flows need the room.
    told = PERCENTILES if width >= _WIDE else [line for line in PERCENTILES if line[0] in _FIRST]
    titles = ("requests", "errors", *(name for name, _ in told))
    return Table(
        title="Response times",
        columns=(Column("flow"), *(Column(title, Kind.NUMBER) for title in titles)),
        rows=tuple(
            (
                figures.label(flow.flow),
                figures.whole(flow.requests),
                figures.whole(flow.errors),
                *(figures.duration(value(flow)) for _, value in told),
            )
            for flow in document.flows
        ),
    )


_WIDE = 60
_FIRST = ("median", "p99")


def _errors(document: LoadtestDocument) -> Table:
    return Table(
        title="Errors",
        columns=(Column("flow"), Column("requests", Kind.NUMBER), Column("kind")),
        rows=tuple(
            (figures.label(row.flow), figures.whole(row.requests), row.kind)
            for row in document.errors
        ),
    )

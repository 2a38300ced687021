"""What a validation prints."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from reports import figures
from reports.sections.opening import findings_table, objectives_table
from reports.terminal import print_table, print_text, print_title, style_of
from reports.validation.tables import brief_loads_table, brief_points_table
from reports.validation.verdict import verdict
from sim.results.validation import ValidationDocument


def print_validation(
    document: ValidationDocument, console: Console, report_path: Path | None = None
) -> None:
    """Print the verdict, predicted against measured, the findings, and where the report is."""
    answer = verdict(document)
    print_title(document.scenario, console)
    print_text(answer.headline, console, style=style_of(answer.outcome))
    print_text(answer.breaks_first, console)
    print_table(brief_points_table(document.points), console)
    print_table(brief_loads_table(document.loads), console)
    print_table(objectives_table(document.objectives), console)
    if document.findings:
        print_table(findings_table(document.findings), console)
    if report_path is not None:
        console.print()
        console.print(Text(f"Report: {figures.clean(str(report_path))}"), soft_wrap=True)

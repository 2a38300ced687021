"""A report, whatever it is about and whatever it is rendered to."""

from dataclasses import dataclass

from reports import key_figures as simulated_figures
from reports import tables, verdict
from reports.content import Section
from reports.document import AnyDocument
from reports.loadtest import key_figures as measured_figures
from reports.loadtest import sections as measured_sections
from reports.loadtest import tables as measured_tables
from reports.loadtest import verdict as measured_verdict
from reports.sections.outline import outline
from reports.validation import key_figures as compared_figures
from reports.validation import sections as compared_sections
from reports.validation import tables as compared_tables
from reports.validation import verdict as compared_verdict
from sim.results.estimates import ScenarioSummary
from sim.results.loadtest import LoadtestDocument
from sim.results.simulation import SimulationDocument
from sim.results.validation import ValidationDocument


@dataclass(frozen=True, slots=True)
class Report:
    """What is rendered.

    Attributes:
        kind: what kind of report it is, such as `Capacity report`.
        seed: of the run.
    """

    kind: str
    scenario: ScenarioSummary
    seed: int
    verdict: verdict.Verdict
    key_figures: tuple[simulated_figures.KeyFigure, ...]
    sections: tuple[Section, ...]


def report_of(document: AnyDocument) -> Report:
    """Return the report of a run."""
    match document:
        case SimulationDocument():
            return Report(
                "Capacity report",
                document.scenario,
                document.run.seed,
                verdict.verdict(document),
                simulated_figures.key_figures(document),
                outline(document),
            )
        case LoadtestDocument():
            return Report(
                "Load test",
                document.scenario,
                document.run.seed,
                measured_verdict.verdict(document),
                measured_figures.key_figures(document),
                measured_sections.outline(document),
            )
        case ValidationDocument():
            return Report(
                "Validation",
                document.scenario,
                document.run.seed,
                compared_verdict.verdict(document),
                compared_figures.key_figures(document),
                compared_sections.outline(document),
            )


def csv_tables(document: AnyDocument) -> dict[str, str]:
    """Return the tables of a run as CSV, by their names."""
    match document:
        case SimulationDocument():
            return tables.csv_tables(document)
        case LoadtestDocument():
            return measured_tables.csv_tables(document)
        case ValidationDocument():
            return compared_tables.csv_tables(document)

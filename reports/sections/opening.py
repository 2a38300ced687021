"""Section: does it meet its objectives, and what breaks first."""

from reports import figures
from reports.content import Block, Column, Kind, Paragraph, Section, Table
from reports.verdict import objective_label, outcome_of, target, verdict
from sim.results.simulation import Finding, ObjectiveRow, SimulationDocument

_BY_SEVERITY = ("problem", "warning", "note")


def opening(document: SimulationDocument) -> Section:
    """Return the verdict with the objectives and the findings it rests on."""
    answer = verdict(document)
    blocks: list[Block] = [Paragraph(answer.breaks_first)]
    if document.objectives:
        blocks.append(objectives_table(document.objectives))
    if document.findings:
        blocks.append(findings_table(document.findings))
    return Section("verdict", "Verdict", answer.headline, tuple(blocks))


def objectives_table(objectives: tuple[ObjectiveRow, ...]) -> Table:
    """Return each objective with what was reached."""
    return Table(
        title="Objectives",
        columns=(
            Column("objective"),
            Column("verdict", Kind.STATUS),
            Column("target", Kind.NUMBER),
            Column("reached", Kind.NUMBER),
        ),
        rows=tuple(
            (
                objective_label(objective),
                outcome_of(objective).value,
                target(objective),
                figures.figure(objective.value, objective.unit),
            )
            for objective in objectives
        ),
    )


def findings_table(findings: tuple[Finding, ...]) -> Table:
    """Return the findings, problems first."""

    def rank(severity: str) -> int:
        known = severity in _BY_SEVERITY
        return _BY_SEVERITY.index(severity) if known else len(_BY_SEVERITY)

    ordered = sorted(findings, key=lambda finding: rank(finding.severity))
    return Table(
        title="Findings",
        columns=(Column("kind", Kind.STATUS), Column("what to know")),
        rows=tuple((finding.severity, finding.text) for finding in ordered),
    )

"""Two runs side by side."""

from collections.abc import Iterator
from dataclasses import dataclass

from reports import figures
from reports.content import Column, Kind, Table
from reports.fleet import by_box
from reports.gfm import escaped, markdown_table
from sim.results.simulation import SimulationDocument

_SAME = 1e-12
"""Ratios this near to one differ by rounding only."""


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One figure of both runs; None where a run does not have it. `ratio` is b / a."""

    section: str
    name: str
    unit: str
    a: float | None
    b: float | None
    ratio: float | None

    @property
    def differs(self) -> bool:
        """Whether the two runs do not agree on it."""
        if self.a is None or self.b is None:
            return self.a is not self.b
        return abs(self.a - self.b) > _SAME * max(abs(self.a), abs(self.b))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, named, and every figure that either has."""

    a: str
    b: str
    rows: tuple[ComparedRow, ...]


@dataclass(frozen=True, slots=True)
class _Figure:
    section: str
    name: str
    unit: str
    value: float | None


def compare(a: SimulationDocument, b: SimulationDocument) -> Comparison:
    """Return the figures of both runs side by side, those of `a` first."""
    of_a = {(figure.section, figure.name): figure for figure in _figures(a)}
    of_b = {(figure.section, figure.name): figure for figure in _figures(b)}
    sections = list(dict.fromkeys(section for section, _ in [*of_a, *of_b]))
    keys = sorted(dict.fromkeys([*of_a, *of_b]), key=lambda key: sections.index(key[0]))
    return Comparison(
        a=_name(a),
        b=_name(b),
        rows=tuple(_row(of_a.get(key), of_b.get(key)) for key in keys),
    )


def comparison_tables(comparison: Comparison) -> tuple[Table, ...]:
    """Return one table a section, of the figures that differ."""
    sections = dict.fromkeys(row.section for row in comparison.rows if row.differs)
    return tuple(
        Table(
            title=figures.sentence_case(section),
            columns=(
                Column("figure"),
                Column("A", Kind.NUMBER),
                Column("B", Kind.NUMBER),
                Column("B / A", Kind.NUMBER),
            ),
            rows=tuple(
                (
                    row.name,
                    figures.figure(row.a, row.unit),
                    figures.figure(row.b, row.unit),
                    figures.ratio(row.ratio),
                )
                for row in comparison.rows
                if row.section == section and row.differs
            ),
        )
        for section in sections
    )


def comparison_summary(comparison: Comparison) -> str:
    """Return in a sentence how much the two runs differ."""
    differing = sum(row.differs for row in comparison.rows)
    if differing == 0:
        return f"All {len(comparison.rows)} figures are the same."
    same = len(comparison.rows) - differing
    return f"{differing} figures differ; {same} are the same and not shown."


def comparison_markdown(comparison: Comparison) -> str:
    """Return the comparison as Markdown."""
    parts = [
        "# Two runs side by side",
        f"A is {escaped(comparison.a)}; B is {escaped(comparison.b)}.",
        comparison_summary(comparison),
    ]
    for table in comparison_tables(comparison):
        rows = tuple(tuple(str(cell) for cell in row) for row in table.rows)
        parts += [f"## {escaped(table.title)}", markdown_table(table.columns, rows)]
    return "\n\n".join(parts) + "\n"


def _name(document: SimulationDocument) -> str:
    scenario = document.scenario
    return (
        f"{scenario.name}, {figures.count(scenario.dau)} daily users, {scenario.fanout}, "
        f"seed {document.run.seed}"
    )


def _row(a: _Figure | None, b: _Figure | None) -> ComparedRow:
    known = a or b
    if known is None:
        raise AssertionError
    of_a = None if a is None else a.value
    of_b = None if b is None else b.value
    return ComparedRow(
        section=known.section,
        name=known.name,
        unit=known.unit,
        a=of_a,
        b=of_b,
        ratio=of_b / of_a if of_a and of_b is not None else None,
    )


def _figures(document: SimulationDocument) -> Iterator[_Figure]:
    for objective in document.objectives:
        yield _Figure("objectives", objective.name, objective.unit, objective.value)
    for flow in document.flows:
        yield _Figure("flows", f"{flow.flow} p50", "s", flow.p50_s)
        yield _Figure("flows", f"{flow.flow} p99", "s", flow.p99_s)
    yield _Figure("flows", "freshness p50", "s", document.freshness.p50_s)
    yield _Figure("flows", "freshness p99", "s", document.freshness.p99_s)
    yield from _fleet_figures(document)
    yield _Figure("cost", "all", "USD/month", document.cost.usd_per_month)
    yield _Figure("cost", "per daily user", "USD/month", document.cost.usd_per_dau_per_month)
    for line in document.cost.lines:
        yield _Figure("cost", line.name, "USD/month", line.usd_per_month)
    for estimate in document.estimates:
        yield _Figure("estimates", estimate.name, estimate.unit, estimate.value)


def _fleet_figures(document: SimulationDocument) -> Iterator[_Figure]:
    yield _Figure(
        "fleet", "all instances", "instances", sum(row.instances for row in document.fleet)
    )
    for total in by_box(document.fleet):
        yield _Figure("fleet", f"{total.box} instances", "instances", total.instances)
        yield _Figure("fleet", f"{total.box} busy at peak", "share", total.peak_utilisation)

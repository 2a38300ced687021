"""Sections: what was assumed, the estimates, and what the design document states."""

from collections.abc import Iterable
from typing import TypeVar

from reports import figures
from reports.charts.stated import stated
from reports.charts.storage import storage
from reports.content import Block, Column, Kind, Section, Table
from scenarios.calibration import is_measured
from scenarios.quantities import Dimension, format_quantity
from sim.results.estimates import EstimateRow
from sim.results.simulation import AssumptionRow, SimulationDocument

_Row = TypeVar("_Row")

_MEASURED_BEFORE = ("measured:", "counted:")
"""How the sources of a scenario's own figures begin that were measured, or counted, by us."""

_DIMENSIONS = {dimension.value: dimension for dimension in Dimension}


def assumptions(document: SimulationDocument) -> Section:
    """Return every assumption with its range and its source."""
    rows = document.assumptions
    uncertain = sum(row.low is not None or row.high is not None for row in rows)
    unsourced = sum(not row.source or row.source.startswith("assumption") for row in rows)
    told = _measured_words(
        by_calibration=sum(is_measured(row.source) for row in rows),
        before=sum(row.source.startswith(_MEASURED_BEFORE) for row in rows),
    )
    lead = (
        f"{len(rows)} assumptions; {uncertain} carry a range, {len(rows) - unsourced} name a "
        f"source, and {unsourced} are judgement, marked “assumption”.{told}"
        if rows
        else "The document lists no assumptions."
    )
    by_part = _grouped((row.key.partition(".")[0], row) for row in rows)
    return Section(
        "assumptions",
        "What was assumed",
        lead,
        tuple(_assumption_table(part, group) for part, group in by_part.items()),
    )


def _measured_words(*, by_calibration: int, before: int) -> str:
    parts = []
    if by_calibration:
        parts.append(f"{by_calibration} are measured by a calibration")
    if before:
        parts.append(f"{before} were measured before, on the reference server or on real files")
    return f" {', '.join(parts)}; all others are assumed." if parts else ""


def _assumption_table(part: str, rows: list[AssumptionRow]) -> Table:
    return Table(
        title=figures.sentence_case(figures.label(part)),
        columns=(
            Column("key", Kind.CODE),
            Column("value", Kind.NUMBER),
            Column("range", Kind.NUMBER),
            Column("unit"),
            Column("source"),
        ),
        rows=tuple(
            (row.key, row.text, _range(row), row.unit, row.source or "not given") for row in rows
        ),
        folded=True,
    )


def _range(row: AssumptionRow) -> str:
    if row.low is None and row.high is None:
        return figures.UNKNOWN
    low = row.value if row.low is None else row.low
    high = row.value if row.high is None else row.high
    dimension = _DIMENSIONS.get(row.dimension, Dimension.NUMBER)
    return f"{format_quantity(low, dimension)} to {format_quantity(high, dimension)}"


def estimates(document: SimulationDocument) -> Section:
    """Return the arithmetic, chapter by chapter, with storage over the years."""
    chapters = _grouped((row.section, row) for row in document.estimates)
    chart = storage(document)
    blocks: list[Block] = [] if chart is None else [chart]
    blocks += [_estimate_table(chapter, rows) for chapter, rows in chapters.items()]
    return Section(
        "estimates",
        "Estimates",
        f"{len(document.estimates)} figures in {len(chapters)} chapters, each with its formula. "
        "The range swings every uncertain assumption to its ends and adds the swings as "
        "independent.",
        tuple(blocks),
    )


def _estimate_table(chapter: str, rows: list[EstimateRow]) -> Table:
    sourced = any(row.source for row in rows)
    return Table(
        title=figures.sentence_case(figures.label(chapter)),
        columns=(
            Column("estimate", Kind.CODE),
            Column("value", Kind.NUMBER),
            Column("range", Kind.NUMBER),
            Column("formula"),
            *((Column("source"),) if sourced else ()),
        ),
        rows=tuple(
            (
                row.name,
                figures.figure(row.value, row.unit),
                figures.interval(row.low, row.high, row.unit),
                row.formula,
                *((row.source,) if sourced else ()),
            )
            for row in rows
        ),
        folded=True,
    )


def comparison(document: SimulationDocument) -> Section:
    """Return the design document's own figures beside the computed ones."""
    chart = stated(document)
    if chart is None:
        lead = (
            "Nothing to compare: the design document's figures hold for its own inputs, and this "
            "scenario has others."
        )
        return Section("stated", "Stated against computed", lead, ())
    lead = (
        "What the design document says against what its own inputs give; where they differ, the "
        "document rounded."
    )
    return Section("stated", "Stated against computed", lead, (chart,))


def _grouped(pairs: Iterable[tuple[str, _Row]]) -> dict[str, list[_Row]]:
    groups: dict[str, list[_Row]] = {}
    for name, row in pairs:
        groups.setdefault(name, []).append(row)
    return groups

"""The estimates as plain text: `estimate` answers at once, so it does without rich's tables."""

from reports import figures
from reports.content import Column, Kind, Table
from sim.results.estimates import EstimateDocument, EstimateRow

_WIDTH_FOR_RANGES = 110
_WIDTH_FOR_FORMULAS = 150
_GAP = "  "


def shows_ranges(*, width: int) -> bool:
    """Whether `estimates_text` shows ranges at this width, in columns."""
    return width >= _WIDTH_FOR_RANGES


def estimates_text(document: EstimateDocument, *, width: int) -> str:
    """Return the estimates, chapter by chapter; ranges and formulas where the width allows."""
    scenario = document.scenario
    summary = (
        f"{scenario.name}, {figures.count(scenario.dau)} daily users, "
        f"{figures.count(scenario.mau)} monthly, fan-out by {scenario.fanout}"
    )
    parts = [scenario.title or scenario.name, summary]
    for section in dict.fromkeys(row.section for row in document.estimates):
        rows = [row for row in document.estimates if row.section == section]
        parts += ["", *_lines(_table(section, rows, width=width))]
    parts += ["", _hint(width)]
    return "".join(f"{figures.clean(line)}\n" for line in parts)


def _table(section: str, rows: list[EstimateRow], *, width: int) -> Table:
    with_ranges, with_formulas = shows_ranges(width=width), width >= _WIDTH_FOR_FORMULAS
    return Table(
        title=figures.sentence_case(figures.label(section)),
        columns=(
            Column("estimate"),
            Column("value", Kind.NUMBER),
            *((Column("range", Kind.NUMBER),) if with_ranges else ()),
            Column("stated", Kind.NUMBER),
            Column("diff", Kind.NUMBER),
            *((Column("formula"),) if with_formulas else ()),
        ),
        rows=tuple(
            (
                row.name,
                figures.figure(row.value, row.unit),
                *((figures.interval(row.low, row.high, row.unit),) if with_ranges else ()),
                figures.figure(row.stated, row.unit) if row.stated is not None else "",
                figures.difference(row.difference) if row.difference is not None else "",
                *((row.formula,) if with_formulas else ()),
            )
            for row in rows
        ),
    )


def _lines(table: Table) -> list[str]:
    """Return the table's title and its rows, numbers to the right, texts to the left."""
    cells = [[column.title for column in table.columns], *([str(c) for c in r] for r in table.rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(table.columns))]
    set_right = [column.kind is Kind.NUMBER for column in table.columns]
    lines = [
        _GAP
        + _GAP.join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, set_right, strict=True)
        )
        for row in cells
    ]
    return [table.title, *(line.rstrip() for line in lines)]


def _hint(width: int) -> str:
    if width >= _WIDTH_FOR_FORMULAS:
        return "Sources and exact values: --json."
    return "Formulas, ranges, sources and exact values: --json, or a wider terminal."

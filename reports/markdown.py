"""The report as Markdown, with its charts as pictures beside it."""

import re

from reports.content import Block, Chart, Column, Command, Kind, Paragraph, Section, Table
from reports.document import AnyDocument
from reports.gfm import escaped, markdown_table
from reports.report import Report, report_of

PICTURE_FOLDER = "charts"

_BACKTICKS = re.compile(r"`+")


def markdown(document: AnyDocument) -> str:
    """Return the report as Markdown; the pictures it shows are `charts/NAME.svg`."""
    report = report_of(document)
    scenario = report.scenario
    parts = [f"# {escaped(scenario.title)}", escaped(scenario.description)]
    for section in report.sections:
        parts += [f"## {section.title}", _lead(section)]
        parts += [_block(block) for block in section.blocks]
        if section.name == "verdict":
            parts.append(_table(_key_figures(report)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _lead(section: Section) -> str:
    lead = escaped(section.lead)
    return f"**{lead}**" if section.name == "verdict" else lead


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return escaped(block.text)
        case Command():
            return _code_block(block.text)
        case Table():
            return f"### {escaped(block.title)}\n\n{_table(block)}"
        case Chart():
            return (
                f"### {escaped(block.title)}\n\n{escaped(block.sentence)}\n\n"
                f"![{escaped(block.title)}]({PICTURE_FOLDER}/{block.name}.svg)\n\n"
                f"{_table(block.data)}"
            )


def _key_figures(report: Report) -> Table:
    return Table(
        title="Key figures",
        columns=(Column("figure"), Column("value", Kind.NUMBER), Column("what it is")),
        rows=tuple((figure.label, figure.value, figure.note) for figure in report.key_figures),
    )


def _table(table: Table) -> str:
    rows = tuple(tuple(str(cell) for cell in row) for row in table.rows)
    return markdown_table(table.columns, rows)


def _code_block(text: str) -> str:
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}"

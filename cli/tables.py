"""Tables that are read at 80 columns, in a terminal, a pipe or a file alike."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_INDENT = " " * 6


@dataclass(frozen=True, slots=True)
class Row:
    """Cells side by side, and a note on a line of its own below them."""

    cells: tuple[str, ...]
    note: str = ""


def print_table(title: str, rows: Sequence[Row]) -> None:
    """Print rows under a title to stdout; no cell is cut: the last column and notes are wrapped."""
    console = Console(highlight=False)
    if title:
        console.print(Text(title, style="bold"))
    widths = [max(map(len, column)) for column in zip(*(row.cells for row in rows), strict=True)]
    for row in rows:
        line = Table.grid(padding=(0, 2, 0, 0))
        for width in widths[:-1]:
            line.add_column(min_width=width, no_wrap=True)
        line.add_column(overflow="fold")
        line.add_row(*(Text(_printable(cell)) for cell in row.cells))
        console.print(Padding(line, (0, 0, 0, 2 if title else 0), expand=False))
        if row.note:
            note = textwrap.fill(_printable(row.note), console.width - len(_INDENT))
            console.print(Text(textwrap.indent(note, _INDENT), style="dim"))


def _printable(text: str) -> str:
    """Return the text without what would move the cursor or change the terminal's colours."""
    return "".join(character if character.isprintable() else " " for character in text)

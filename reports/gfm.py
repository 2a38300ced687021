"""Texts and tables in GitHub Flavored Markdown."""

import re
from collections.abc import Iterable

from reports.content import Column, Kind

_MEANS_SOMETHING = re.compile(r"([\\`*_\[\]<>&#|~])")
_LINE_BREAKS = re.compile(r"\s*[\r\n\v\f\x85\u2028\u2029]+\s*")


def escaped(text: str) -> str:
    """Return the text so that Markdown shows it as it is, on one line."""
    return _MEANS_SOMETHING.sub(r"\\\1", _LINE_BREAKS.sub(" ", text))


def markdown_table(columns: tuple[Column, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    """Return a table in the Markdown of GitHub."""
    lines = [
        _row(escaped(column.title) for column in columns),
        _row("--:" if column.kind is Kind.NUMBER else "---" for column in columns),
    ]
    lines += [
        _row(_cell(text, column) for text, column in zip(row, columns, strict=True)) for row in rows
    ]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str, column: Column) -> str:
    # A backtick or a bar cannot be escaped inside code, so such a text is not set as code.
    if column.kind is Kind.CODE and text and not re.search(r"[`|\s]", text):
        return f"`{text}`"
    return escaped(text)

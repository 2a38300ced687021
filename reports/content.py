"""What a report is made of, whatever it is rendered to: sections of text, tables and charts."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from reports.document import JsonObject


class Kind(Enum):
    """What a column holds, which decides how it is set."""

    TEXT = "text"
    NUMBER = "number"
    CODE = "code"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column."""

    title: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Meter:
    """A cell that shows a share of one, also as a bar; `text` is the share in print."""

    text: str
    share: float

    def __str__(self) -> str:
        """Return the share in print."""
        return self.text


Cell: TypeAlias = str | Meter


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `folded` ones are shown where the reader asks for them."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, the one sentence that says what it means, and its data.

    `spec` is Vega-Lite 6 without colours and fonts, which the theme of the reader gives.
    """

    name: str
    title: str
    sentence: str
    spec: JsonObject
    data: Table


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or a few."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """What to type into a shell."""

    text: str


Block: TypeAlias = Table | Chart | Paragraph | Command


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter of the report; `name` is its anchor, `lead` its answer in a sentence."""

    name: str
    title: str
    lead: str
    blocks: tuple[Block, ...]

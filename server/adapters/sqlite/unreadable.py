"""Rows of the queue that are no events: SQLite keeps any value in any column.

Another program, or damage to the file, may have put them there. They are told apart in SQL, since
a value such as bytes can be in no JSON, and text that is no UTF-8 cannot be read into Python.
"""

import sqlite3
from collections.abc import Mapping

_NUMBERS = ("user_id", "subject_id", "comment_id", "attempts", "due_at_ms", "queued_at_ms")
# Of a value, in the reason: it is all in the dead letter, but for what delivery alone has counted.
SHOWN_BYTES = 100


def _is_number(column: str) -> str:
    types = "('integer', 'null')" if column == "comment_id" else "('integer')"
    return f"typeof({column}) IN {types}"


_IS_KNOWN = "kind IN (SELECT value FROM json_each(:kinds))"
IS_READABLE = " AND ".join([_IS_KNOWN, *map(_is_number, _NUMBERS)])
"""Of a row of `events`; `:kinds` is a JSON array."""


def as_text(column: str) -> str:
    """Return an expression that can be fetched whatever is in the column; `shown` reads it."""
    return f"iif(typeof({column}) IN ('integer', 'null'), {column}, CAST({column} AS BLOB))"


def shown(value: int | bytes | None) -> int | str | None:
    """Return what `as_text` has fetched."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value


def why_unreadable(
    connection: sqlite3.Connection, rows: str, parameters: Mapping[str, object]
) -> Mapping[int, str]:
    """Return what is wrong with those of some rows that cannot be read, by their places."""
    reasons: dict[int, str] = {}
    for column, is_right in [("kind", _IS_KNOWN), *((each, _is_number(each)) for each in _NUMBERS)]:
        found = connection.execute(
            f"SELECT sequence, typeof({column}),"  # noqa: S608 - of constants
            f" substr(CAST({column} AS BLOB), 1, {SHOWN_BYTES})"
            f" FROM ({rows}) WHERE NOT {is_right}",
            parameters,
        )
        for sequence, kind, value in found:
            reasons.setdefault(sequence, f"{column} cannot be the {kind} {shown(value)!r}")
    return reasons

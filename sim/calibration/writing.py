"""A calibration as a TOML file that people can read; whole or not there."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scenarios.calibration import Calibration

_DIGITS = 4
_HEADER = """\
# What `socialfeed calibrate` has measured; estimate, simulate and validate take it with
# --calibration. Seconds; docs/validation.md says how each figure is measured.
"""


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration, aside first and then renamed into place.

    Raises:
        OSError: if it cannot be written; what was there before is then still there.
    """
    descriptor, aside = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(calibration_text(calibration))
        Path(aside).chmod(_READABLE)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


_READABLE = 0o644


def calibration_text(calibration: Calibration) -> str:
    """Return the file's text."""
    content = calibration.model_dump(exclude_none=True)
    content["measured_at"] = calibration.measured_at
    return _HEADER + "\n".join(_table(content, ())) + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a table: its values, then the tables in it."""
    for key, value in table.items():
        if not isinstance(value, dict):
            yield f"{key} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield f"\n[{'.'.join((*path, key))}]"
            yield from _table(value, (*path, key))


def _value(value: object) -> str:
    match value:
        case float():
            return f"{value:.{_DIGITS}g}"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict():
            return f"{{ {', '.join(f'{key} = {_value(item)}' for key, item in value.items())} }}"
        case [dict(), *_]:
            return "[\n" + "".join(f"  {_value(item)},\n" for item in value) + "]"
        case tuple() | list():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return str(value)

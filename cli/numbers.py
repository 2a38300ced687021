"""How options that are plain numbers are read."""

import re
from collections.abc import Callable
from math import isfinite

import typer


def whole_number(*, least: int = 0, most: int | None = None) -> Callable[[str | int], int]:
    """Return what reads a whole number within these bounds, both included."""
    bounds = f"of {least} or more" if most is None else f"from {least} to {most}"

    def read(text: str | int) -> int:
        found = int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", str(text)) else None
        if found is None or found < least or (most is not None and found > most):
            message = f"expected a whole number {bounds}; found {str(text)!r}"
            raise typer.BadParameter(message)
        return found

    return read


def number_from_zero(text: str | float) -> float:
    """Return a number that is not negative."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not (isfinite(found) and found >= 0):
        message = f"expected a number of 0 or more; found {str(text)!r}"
        raise typer.BadParameter(message)
    return found

"""Quantities as people write them: 500M, 20MB, 250ms, 10%; parsed and printed here alone.

The same text means the same number in a file, in `--set` and on the command line. A text with two
readings is refused with both.
"""

import math
import re
from enum import Enum

from scenarios.errors import QuantityError

SECOND_S = 1.0
MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86_400.0
YEAR_S = 365 * DAY_S
"""A year is 365 days, as in the design document's ten-year arithmetic."""
MONTH_S = 730 * HOUR_S
"""A month is 730 hours, the cloud price lists' convention (8,760 h / 12)."""

_COUNT_UNITS = {"": 1.0, "K": 1e3, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_SIZE_UNITS = (
    {"B": 1.0, "kB": 1e3}
    | {f"{prefix}B": 10.0 ** (3 * power) for power, prefix in enumerate("KMGTPEZ", start=1)}
    | {f"{prefix}iB": 1024.0**power for power, prefix in enumerate("KMGTPEZ", start=1)}
)
_DURATION_UNITS = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": SECOND_S,
    "m": MINUTE_S,
    "h": HOUR_S,
    "d": DAY_S,
    "y": YEAR_S,
}
_SHARE_UNITS = {"": 1.0, "%": 0.01}
_NUMBER_UNITS = {"": 1.0}

_PATTERN = re.compile(r"(?P<number>[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>\D*)")
_SIGNIFICANT_DIGITS = 4


class Dimension(Enum):
    """What a quantity measures; decides which units its text may carry."""

    COUNT = "count"
    SIZE = "size"
    DURATION = "duration"
    SHARE = "share"
    NUMBER = "number"


_UNITS = {
    Dimension.COUNT: _COUNT_UNITS,
    Dimension.SIZE: _SIZE_UNITS,
    Dimension.DURATION: _DURATION_UNITS,
    Dimension.SHARE: _SHARE_UNITS,
    Dimension.NUMBER: _NUMBER_UNITS,
}

EXPECTED = {
    Dimension.COUNT: "a count such as 500M, 2B, 1.5K or 1T",
    Dimension.SIZE: "a size with its unit, such as 20MB, 100KB or 4MiB",
    Dimension.DURATION: "a duration with its unit, such as 250ms, 1.5s, 10m, 24h, 7d or 10y",
    Dimension.SHARE: "a share from 0 to 1, such as 0.1 or 10%",
    Dimension.NUMBER: "a plain number such as 1.5",
}


def parse(text: str | float, dimension: Dimension) -> float:
    """Return `text` in base units: a plain count, bytes, seconds, or a fraction of one.

    A number that is not text stands for itself where the dimension needs no unit (counts, shares,
    plain numbers).

    Raises:
        QuantityError: if the text is no finite number, its unit is missing or unknown, it has two
            readings (`500m`, a bare duration), or a share is outside 0 to 1.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise QuantityError(found=text, expected=EXPECTED[dimension])
    match = _PATTERN.fullmatch(str(text).strip())
    if match is None:
        raise QuantityError(found=text, expected=f"{EXPECTED[dimension]}{_comma_hint(text)}")
    number, unit = float(match["number"].replace("_", "")), match["unit"].strip()
    scale = _UNITS[dimension].get(unit)
    if scale is None:
        raise QuantityError(found=text, expected=_unit_hint(match["number"], unit, dimension))
    # Dividing keeps 10% exactly 0.1, where 10 * 0.01 is not.
    value = number / 100 if unit == "%" else number * scale
    if not math.isfinite(value):
        raise QuantityError(found=text, expected=f"a finite number: {EXPECTED[dimension]}")
    if dimension is Dimension.SHARE and not 0 <= value <= 1:
        raise QuantityError(found=text, expected=_share_hint(number, unit))
    return value


def _comma_hint(text: object) -> str:
    return " (no commas)" if isinstance(text, str) and "," in text else ""


def _unit_hint(number: str, unit: str, dimension: Dimension) -> str:
    readings: list[str] = []
    match dimension, unit:
        case Dimension.COUNT, "m":
            readings = [f"{number}M (million)", "a duration in minutes, which does not belong here"]
        case Dimension.COUNT, "b":
            readings = [f"{number}B (billion)", "a size in bits, which does not belong here"]
        case Dimension.COUNT, "t":
            readings = [f"{number}T (trillion)", "a mass in tonnes, which does not belong here"]
        case Dimension.DURATION, "":
            readings = [f"{number}s (seconds)", f"{number}ms (milliseconds)"]
        case Dimension.DURATION, "M":
            readings = [f"{number}m (minutes)", f"{number}ms (milliseconds)"]
        case Dimension.SIZE, "":
            readings = [f"{number}B (bytes)", f"{number}KB (kilobytes)"]
        case Dimension.SIZE, ("K" | "k" | "M" | "G" | "T" | "P"):
            readings = [f"{number}{unit.upper()}B (decimal)", f"{number}{unit.upper()}iB (binary)"]
        case Dimension.SIZE, ("Kb" | "kb" | "Mb" | "Gb" | "Tb" | "Pb"):
            readings = [f"{number}{unit[0].upper()}B (bytes)", "bits, which are not used here"]
        case _:
            return EXPECTED[dimension]
    return f"{EXPECTED[dimension]}; this could mean {' or '.join(readings)}"


def _share_hint(number: float, unit: str) -> str:
    if not unit and 1 < number <= 100:  # noqa: PLR2004 - the range of a percentage
        percent = f"{number:g}"
        return f"{EXPECTED[Dimension.SHARE]}; write {percent}% if {percent} percent was meant"
    return EXPECTED[Dimension.SHARE]


def format_quantity(value: float, dimension: Dimension) -> str:
    """Return `value` (base units) as text that `parse` reads back to four significant digits."""
    match dimension:
        case Dimension.COUNT:
            return _scaled(value, [("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3), ("", 1.0)])
        case Dimension.SIZE:
            decimal = [(unit, _SIZE_UNITS[unit]) for unit in _DECIMAL_SIZES]
            return _scaled(value, decimal)
        case Dimension.DURATION:
            return _scaled(value, list(reversed(_DURATION_UNITS.items())))
        case Dimension.SHARE:
            return f"{_digits(value * 100)}%"
        case Dimension.NUMBER:
            return _digits(value)


_DECIMAL_SIZES = ("ZB", "EB", "PB", "TB", "GB", "MB", "KB", "B")


def format_count(value: float) -> str:
    """Return a count such as `500M`."""
    return format_quantity(value, Dimension.COUNT)


def format_size(size_bytes: float) -> str:
    """Return a size in decimal units such as `216TB`."""
    return format_quantity(size_bytes, Dimension.SIZE)


def format_duration(duration_s: float) -> str:
    """Return a duration such as `250ms`."""
    return format_quantity(duration_s, Dimension.DURATION)


def format_share(share: float) -> str:
    """Return a share such as `10%`."""
    return format_quantity(share, Dimension.SHARE)


def _scaled(value: float, units: list[tuple[str, float]]) -> str:
    # Compared after rounding, so that 999,999.9 prints as 1M and not as 1000K.
    rounded = float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
    for unit, scale in units:
        if abs(rounded) >= scale:
            return f"{_digits(value / scale)}{unit}"
    unit, scale = units[-1]
    return f"{_digits(value / scale)}{unit}"


def _digits(value: float) -> str:
    text = f"{value:.{_SIGNIFICANT_DIGITS}g}"
    return f"{float(text):.0f}" if "e+" in text else text

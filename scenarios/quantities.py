"""Quantities as people write them: 500M, 20MB, 250ms, 10%; parsed and printed here alone.

The same text means the same number in a file, in `--set` and on the command line. A text with two
readings is refused with both.
"""

import math
import re
from collections.abc import Sequence
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

_PATTERN = re.compile(
    r"(?P<number>[+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?) *(?P<unit>[a-zA-Z%]*)",
    re.ASCII,
)
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


def parse(text: object, dimension: Dimension) -> float:
    """Return `text` in base units: a plain count, bytes, seconds, or a fraction of one.

    A number that is not text stands for itself where the dimension needs no unit (counts, shares,
    plain numbers).

    Raises:
        QuantityError: if the text is no finite number, its unit is missing or unknown, it has two
            readings (`500m`, a bare duration), a share is outside 0 to 1, or `text` is neither
            text nor a number.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise QuantityError(found=text, expected=EXPECTED[dimension])
    match = _PATTERN.fullmatch(_plain(text))
    if match is None:
        raise QuantityError(found=text, expected=f"{EXPECTED[dimension]}{_comma_hint(text)}")
    number, unit = float(match["number"]), match["unit"]
    scale = _UNITS[dimension].get(unit)
    if scale is None:
        raise QuantityError(found=text, expected=_unit_hint(match["number"], unit, dimension))
    # Dividing keeps 7% exactly 0.07 and 25us exactly 25e-6, where 7 * 0.01 and 25 * 1e-6 are not.
    value = number * scale if scale >= 1 else number / round(1 / scale)
    if not math.isfinite(value):
        raise QuantityError(found=text, expected=f"a finite number: {EXPECTED[dimension]}")
    if dimension is Dimension.SHARE and not 0 <= value <= 1:
        raise QuantityError(found=text, expected=_share_hint(number, unit))
    return value


def _plain(text: str | float) -> str:
    try:
        return str(text).strip()
    except ValueError:  # An integer of more digits than Python prints is beyond every float too.
        return str(math.inf)


def _comma_hint(text: object) -> str:
    return " (no commas)" if isinstance(text, str) and "," in text else ""


_READINGS = {
    (Dimension.COUNT, "m"): ("{0}M (million)", "minutes, which do not belong here"),
    (Dimension.COUNT, "b"): ("{0}B (billion)", "bits, which do not belong here"),
    (Dimension.COUNT, "t"): ("{0}T (trillion)", "tonnes, which do not belong here"),
    (Dimension.DURATION, ""): ("{0}s (seconds)", "{0}ms (milliseconds)"),
    (Dimension.DURATION, "M"): ("{0}m (minutes)", "{0}ms (milliseconds)"),
    (Dimension.SIZE, ""): ("{0}B (bytes)", "{0}KB (kilobytes)"),
}
"""What a text may have meant whose unit is missing or none of its dimension's."""


def _unit_hint(number: str, unit: str, dimension: Dimension) -> str:
    readings = _READINGS.get((dimension, unit))
    if readings is None and dimension is Dimension.SIZE:
        readings = _size_readings(unit)
    if readings is None:
        return EXPECTED[dimension]
    meant = " or ".join(reading.format(number) for reading in readings)
    return f"{EXPECTED[dimension]}; this could mean {meant}"


def _size_readings(unit: str) -> tuple[str, str] | None:
    prefix, rest = unit[:1].upper(), unit[1:]
    if prefix not in "KMGTPEZ":
        return None
    match rest:
        case "":
            return f"{{0}}{prefix}B (decimal)", f"{{0}}{prefix}iB (binary)"
        case "b":
            return f"{{0}}{prefix}B (bytes)", "bits, which are not used here"
        case _:
            return None


def _share_hint(number: float, unit: str) -> str:
    if not unit and 1 < number <= 100:  # noqa: PLR2004 - the range of a percentage
        percent = f"{number:g}"
        return f"{EXPECTED[Dimension.SHARE]}; write {percent}% if {percent} percent was meant"
    return EXPECTED[Dimension.SHARE]


def format_quantity(value: float, dimension: Dimension) -> str:
    """Return `value` (base units) as text that `parse` reads back to four significant digits.

    Written in the largest unit in which it is exact (`142s`, not `2.367m`), and rounded in the
    largest unit if it is exact in none. Shares near one keep their nines: `99.999%`.
    """
    match dimension:
        case Dimension.COUNT:
            return _scaled(value, _COUNTS)
        case Dimension.SIZE:
            return _scaled(value, _DECIMAL_SIZES, _BINARY_SIZES)
        case Dimension.DURATION:
            return _scaled(value, _DURATIONS) if value else "0s"
        case Dimension.SHARE:
            return f"{_percent(value)}%"
        case Dimension.NUMBER:
            return _digits(value)


_Units = Sequence[tuple[str, float]]

_COUNTS = [(unit, _COUNT_UNITS[unit]) for unit in ("T", "B", "M", "K", "")]
_DECIMAL_SIZES = [(f"{prefix}B", _SIZE_UNITS[f"{prefix}B"]) for prefix in (*"ZEPTGMK", "")]
_BINARY_SIZES = [(f"{prefix}iB", _SIZE_UNITS[f"{prefix}iB"]) for prefix in "ZEPTGMK"]
_DURATIONS = [(unit, _DURATION_UNITS[unit]) for unit in ("y", "d", "h", "m", "s", "ms", "us")]


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


def _scaled(value: float, units: _Units, others: _Units = ()) -> str:
    # Compared after rounding, so that 999,999.9 prints as 1M and not as 1000K.
    rounded = float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
    fitting = [(unit, scale) for unit, scale in (*units, *others) if abs(rounded) >= scale]
    for unit, scale in fitting:
        if abs(value) < _LONGEST_EXACT * scale and _is_exact(value / scale):
            return f"{_digits(value / scale)}{unit}"
    unit, scale = fitting[0] if fitting else units[-1]
    return f"{_digits(value / scale)}{unit}"


_LONGEST_EXACT = 1000
_NEARLY_ALL = 0.99
_MOST_NINES = 12


def _is_exact(number: float) -> bool:
    return math.isclose(number, float(f"{number:.{_SIGNIFICANT_DIGITS}g}"), rel_tol=1e-12)


def _percent(share: float) -> str:
    if not _NEARLY_ALL < share < 1:
        return _digits(share * 100)
    # What is missing from one counts, so that is what the digits are spent on.
    missing_percent = 100 - share * 100
    decimals = min(_SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(missing_percent)), _MOST_NINES)
    return f"{share * 100:.{decimals}f}".rstrip("0").rstrip(".")


def _digits(value: float) -> str:
    text = f"{value:.{_SIGNIFICANT_DIGITS}g}"
    return f"{float(text):.0f}" if "e+" in text else text


def format_exactly(value: float, dimension: Dimension = Dimension.COUNT) -> str:
    """Return text that `parse` reads back to the very same number, short where that is possible."""
    short = format_quantity(value, dimension)
    return short if parse(short, dimension) == value else repr(value).removesuffix(".0")

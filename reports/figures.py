"""Figures as the report prints them: 216 TB, 250 ms, 87 %, $24.1M, 578.7K/s.

The digits and unit letters are those of scenario files; a space goes before a unit, and none before
the K, M, B or T of a count. A value that is not known is an en dash.
"""

import math
import re
import string
import unicodedata
from collections.abc import Callable

from scenarios.quantities import Dimension, format_count, format_quantity

UNKNOWN = "–"

_NUMBER = re.compile(r"(?P<number>-?\$?[\d.,]+[KMBT]?\b)(?P<unit>.*)")
_UNIT_LETTERS = string.ascii_letters + "%"
_NEARLY_ALL = 0.999
"""From here on a share is read by its nines: four digits would print 99.9991 % as 100 %."""

_HARDLY_ANY = 1e-5

_SPELLED = {"dau": "DAU", "mau": "MAU", "cdn": "CDN", "api": "API"}
_SMALL_WORDS = {"and", "of", "the"}
_SMALL_USD = 0.01


def label(name: str) -> str:
    """Return the name of a box, region or flow for reading: `feed_cache` is "feed cache"."""
    return " ".join(_SPELLED.get(word, word) for word in name.split("_"))


def place(region: str) -> str:
    """Return the name of a region for reading: `rest_of_world` is "Rest of World"."""
    words = region.split("_")
    return " ".join(
        "US" if word == "us" else word if word in _SMALL_WORDS else sentence_case(word)
        for word in words
    )


def sentence_case(text: str) -> str:
    """Return the text with its first letter in upper case, the others as they are."""
    return text[:1].upper() + text[1:]


def size(size_bytes: float | None) -> str:
    """Return a size such as `216 TB`."""
    return _spaced(size_bytes, Dimension.SIZE)


def duration(duration_s: float | None) -> str:
    """Return a duration such as `250 ms`, to three digits."""
    if duration_s is None:
        return UNKNOWN
    number, unit = _split(format_quantity(duration_s, Dimension.DURATION))
    return f"{float(f'{float(number):.3g}'):g} {'min' if unit == 'm' else unit}"


def share(value: float | None) -> str:
    """Return a share such as `87 %`, with as many nines as it has: `99.9991 %`."""
    if value is not None and 0 < value < _HARDLY_ANY:
        return f"{value:.2e}"
    if value is None or not _NEARLY_ALL < value < 1:
        return _spaced(value, Dimension.SHARE)
    decimals = max(1 - math.floor(math.log10(1 - value)) - 2, 0)
    return f"{100 * value:.{decimals}f}".rstrip("0").rstrip(".") + " %"


def rounded_share(value: float | None) -> str:
    """Return a share in whole percent, for where its size is all that matters: `87 %`."""
    if value is None:
        return UNKNOWN
    percent = 100 * value
    return f"{percent:.0f} %" if percent >= 1 or percent == 0 else f"{percent:.1g} %"


def count(value: float | None) -> str:
    """Return a count such as `500M`."""
    return UNKNOWN if value is None else format_count(value)


def whole(value: int) -> str:
    """Return a count of things to the last one: `12,408`."""
    return f"{value:,}"


def rate(per_s: float | None) -> str:
    """Return a rate such as `578.7K/s`."""
    return UNKNOWN if per_s is None else f"{format_count(per_s)}/s"


def load(per_s: float | None) -> str:
    """Return a measured rate to the last request: `1,446/s`; below ten to two digits: `0.25/s`."""
    if per_s is None:
        return UNKNOWN
    return f"{per_s:,.0f}/s" if per_s >= _FEW or per_s == 0 else f"{per_s:.2g}/s"


_FEW = 9.5


def usd(amount: float | None) -> str:
    """Return an amount of money such as `$24.1M`, `$816` or `$0.0482`, to three digits."""
    if amount is None:
        return UNKNOWN
    to_three_digits = float(f"{amount:.3g}")
    sign = "-" if amount < 0 else ""
    if 0 < abs(to_three_digits) < _SMALL_USD:
        return f"{sign}${abs(to_three_digits):.6f}".rstrip("0")
    return f"{sign}${format_count(abs(to_three_digits))}"


def difference(value: float | None) -> str:
    """Return a relative difference such as `+5.1 %`."""
    if value is None:
        return UNKNOWN
    percent = round(100 * value, 1)
    return "0 %" if percent == 0 else f"{percent:+.1f} %"


def ratio(value: float | None) -> str:
    """Return a ratio such as `1.7×`."""
    return UNKNOWN if value is None else f"{float(f'{value:.3g}'):g}×"


def hour(value: int) -> str:
    """Return an hour of the day such as `14:00`."""
    return f"{value:02d}:00"


def _rounded_hour(value: float | None) -> str:
    return UNKNOWN if value is None else f"{hour(int(value))} UTC"


def _instances(value: float | None) -> str:
    return UNKNOWN if value is None else f"{whole(round(value))} instances"


_BY_UNIT: dict[str, Callable[[float | None], str]] = {
    "bytes": size,
    "s": duration,
    "share": share,
    "usd": usd,
    "×": ratio,
    "hour, utc": _rounded_hour,
    "instances": _instances,
    "": count,
}


def figure(value: float | None, unit: str) -> str:
    """Return a value with the unit that a result names: `bytes/s`, `s`, `share`, `posts/day`."""
    if value is None:
        return UNKNOWN
    counted, slash, per = unit.partition("/")
    formatted = _BY_UNIT.get(counted.lower())
    text = f"{count(value)} {counted}" if formatted is None else formatted(value)
    return f"{text}{slash}{per}"


def interval(low: float | None, high: float | None, unit: str) -> str:
    """Return a range such as `1.2 to 3 TB`, or a dash where the figure is not in doubt."""
    if low is None and high is None:
        return UNKNOWN
    if low == high:
        return UNKNOWN
    of_low, of_high = _NUMBER.match(figure(low, unit)), _NUMBER.match(figure(high, unit))
    if of_low is None or of_high is None:
        return f"{figure(low, unit)} to {figure(high, unit)}"
    unit_of_low = "" if of_low["unit"] == of_high["unit"] else of_low["unit"]
    return f"{of_low['number']}{unit_of_low} to {of_high['number']}{of_high['unit']}"


def _spaced(value: float | None, dimension: Dimension) -> str:
    if value is None:
        return UNKNOWN
    return " ".join(_split(format_quantity(value, dimension)))


def _split(text: str) -> tuple[str, str]:
    number = text.rstrip(_UNIT_LETTERS)
    return number, text[len(number) :]


def clean(text: str) -> str:
    """Return the text without what would move the cursor or change the terminal's colours."""
    return "".join(
        " " if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} else character
        for character in text
    )

"""Times as a load test tells them: to three digits, with a space, and in seconds from one on."""

from scenarios.quantities import format_duration

_DIGITS = 3


def told_time(time_s: float) -> str:
    """Return a time such as `92.6 ms` or `71 s`."""
    if time_s >= 1:
        return f"{float(f'{time_s:.{_DIGITS}g}'):g} s"
    text = format_duration(float(f"{time_s:.{_DIGITS}g}"))
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzµ")
    return f"{number} {text[len(number) :]}"

"""Time as something passed in, so that tests move it by hand."""

from typing import Protocol


class Clock(Protocol):
    """The time of day, which may step back, and a time that only goes forward."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since some start, never going back."""
        ...

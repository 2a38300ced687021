"""The machine's clocks."""

import time


class SystemClock:
    """The one place that reads the machine's time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000  # noqa: TID251 - this is the clock that is passed

    def monotonic_s(self) -> float:
        """Seconds since some start, never going back."""
        return time.monotonic()

"""A clock that tests move by hand."""

START_MS = 1_800_000_000_000


class ManualClock:
    """Stands still until it is moved; may be moved back."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return self.ms

    def monotonic_s(self) -> float:
        """Seconds since some start."""
        return self.ms / 1000

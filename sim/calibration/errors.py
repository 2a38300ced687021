"""What can keep a server from being calibrated.

CalibrationRunError
├── NoThreadTimesError  the kernel does not tell what threads use
├── NotMeteredError     the server does not tell what its boxes use
└── TooFewSamplesError  a flow or box of the scenario was hardly seen
"""


class CalibrationRunError(Exception):
    """Root of everything this package raises; its text is meant for the user."""


class NoThreadTimesError(CalibrationRunError):
    """CPU time by thread is not to be had."""

    def __init__(self, *, process: int, reason: str) -> None:
        """Name the process and what the system said."""
        super().__init__(
            f"/proc/{process}/task: {reason}; expected CPU times by thread, as Linux gives them"
        )


class NotMeteredError(CalibrationRunError):
    """The server's answers do not tell what its boxes use."""

    def __init__(self, *, found: str) -> None:
        """Say what the header was."""
        super().__init__(
            f"Server-Timing: found {found[:80]!r}, expected durations and CPU of boxes, as a "
            "server started with --server-timing tells"
        )


class TooFewSamplesError(CalibrationRunError):
    """Not enough to take a mean from."""

    def __init__(self, *, what: str, found: int, expected: int) -> None:
        """Say of what there were too few."""
        super().__init__(
            f"{what}: found {found} samples, expected at least {expected}; measure for longer"
        )

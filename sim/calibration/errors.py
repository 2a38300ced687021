"""What can keep a server from being calibrated, or a model from being held against it.

CalibrationRunError
├── InterruptedRunError  Ctrl-C
├── InvalidLoadError     a load tells of the load generator, not of the server
├── NoClipsError         clips cannot be made, or their renditions do not come
├── NoMaximumError       the server answers whatever it is offered
├── NoThreadTimesError   the kernel does not tell what threads use
├── NotMeteredError      the server does not tell what its boxes use
└── TooFewSamplesError   a flow or box of the scenario was hardly seen
"""

from collections.abc import Sequence


class CalibrationRunError(Exception):
    """Root of everything this package raises; its text is meant for the user."""


class InterruptedRunError(CalibrationRunError):
    """Ctrl-C while a load was measured."""

    def __init__(self) -> None:
        """Say what has become of the load."""
        super().__init__("interrupted; the load that was being measured does not count")


class InvalidLoadError(CalibrationRunError):
    """A load that tells of the load generator, not of the server."""

    def __init__(self, *, rate_per_s: float, reasons: Sequence[str]) -> None:
        """Name the load and why it does not count."""
        super().__init__(f"the load of {rate_per_s:.0f}/s does not count: {'; '.join(reasons)}")


class NoClipsError(CalibrationRunError):
    """What the renditions of clips take is not to be had."""

    def __init__(self, *, reason: str) -> None:
        """Say why."""
        super().__init__(f"clips: {reason}")


class NoMaximumError(CalibrationRunError):
    """The server has answered whatever it was offered, so that its maximum is not known."""

    def __init__(self, *, answered_per_s: float, offered_per_s: float, why: str) -> None:
        """Name the largest load, what was answered of it, and why no larger one was tried."""
        super().__init__(
            f"no maximum was found: {answered_per_s:.0f} of {offered_per_s:.0f} requests/s were "
            f"answered, and {why}; give one with --max-rate"
        )


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

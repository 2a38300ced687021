"""What can keep a load test from being run.

LoadTestError
├── ImpossibleLoadError       a load that cannot be offered
├── TargetError               nothing to measure
│   ├── BadTargetError        an address that is none
│   ├── UnreachableError      nobody answers there, or not in time
│   ├── ForeignServerError    something answers, but no socialfeed server
│   └── RefusedError          the server does not do what the preparation needs
└── OwnProcessError           a process of one's own fails
    ├── ServerStartError      the server of one's own does not start
    └── GeneratorError        the load generator does not start, or dies
"""

from collections.abc import Sequence


class LoadTestError(Exception):
    """Root of everything this package raises; its text is meant for the user."""


class ImpossibleLoadError(LoadTestError):
    """A load that cannot be offered; says what was found and what was expected."""

    def __init__(self, *, option: str, found: str, expected: str) -> None:
        self.option = option
        super().__init__(f"{option}: found {found}, expected {expected}")


class TargetError(LoadTestError):
    """Nothing to measure."""


class BadTargetError(LoadTestError):
    """An address that is none."""

    def __init__(self, *, url: str, expected: str) -> None:
        self.url = url
        super().__init__(f"--host: found {url!r}, expected {expected}")


class UnreachableError(TargetError):
    """Nobody answers there, or not in time, or not ready."""

    def __init__(self, *, url: str, reason: str) -> None:
        self.url = url
        super().__init__(f"{url}: {reason}; expected a socialfeed server that is ready")


class ForeignServerError(TargetError):
    """Something answers, but no socialfeed server."""

    def __init__(self, *, url: str, found: str) -> None:
        self.url = url
        super().__init__(f"{url}: not a socialfeed server: {found}")


class RefusedError(TargetError):
    """The server does not do what the preparation needs."""

    def __init__(self, *, call: str, status: int, answer: str) -> None:
        self.call = call
        self.status = status
        super().__init__(f"{call}: found status {status}: {answer}")


class OwnProcessError(LoadTestError):
    """A process of one's own fails: no fault of the target or of what was asked for."""


class ServerStartError(OwnProcessError):
    """The server of one's own, or the program that fills it, ends before it is ready."""

    def __init__(self, *, command: Sequence[str], output: str) -> None:
        self.command = command
        super().__init__(f"`{' '.join(command)}` ended early: {output.strip() or 'no output'}")


class GeneratorError(OwnProcessError):
    """The load generator does not start, or dies."""

    def __init__(self, *, exit_code: int | None, output: str) -> None:
        self.exit_code = exit_code
        super().__init__(
            f"the load generator ended early (exit code {exit_code}): "
            f"{output.strip() or 'no output'}"
        )

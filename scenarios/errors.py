"""What can be wrong with a scenario.

ScenarioError
├── QuantityError          a text that is no quantity, or an ambiguous one
├── ScenarioNotFoundError  neither a library name nor a readable file
├── ScenarioSyntaxError    the file is not TOML
├── OverrideError          a `--set` that names nothing
└── InvalidScenarioError   one or more keys with a wrong value
"""

from collections.abc import Sequence
from dataclasses import dataclass


class ScenarioError(Exception):
    """Root of everything this package raises; its text is meant for the user."""


class QuantityError(ScenarioError, ValueError):
    """A text that cannot be read as a quantity; says what was found and what was expected."""

    def __init__(self, *, found: object, expected: str) -> None:
        """Build the message from what was `found` and what was `expected`."""
        self.found = found
        self.expected = expected
        super().__init__(f"found {found!r}, expected {expected}")


class ScenarioNotFoundError(ScenarioError):
    """Neither a scenario of the library nor a file that can be read."""

    def __init__(self, *, name: str, reason: str, library: Sequence[str]) -> None:
        """Name what was asked for, why it is not there, and what is."""
        self.name = name
        super().__init__(
            f"{name}: {reason}; expected a TOML file or a library name ({', '.join(library)})"
        )


class ScenarioSyntaxError(ScenarioError):
    """A file that is not TOML."""

    def __init__(self, *, file: str, reason: str) -> None:
        """Name the file and what the TOML parser, or the decoder, said."""
        self.file = file
        super().__init__(f"{file}: not a TOML scenario: {reason}")


class OverrideError(ScenarioError):
    """A `--set` whose text is no `key=value`, or whose key leads nowhere."""

    def __init__(self, *, override: str, reason: str) -> None:
        """Name the override and what is wrong with it."""
        self.override = override
        super().__init__(f"--set {override}: {reason}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One key that is wrong: where, and what was found against what was expected."""

    key: str
    message: str

    def __str__(self) -> str:
        """Return `key: message`, as it is shown to the user."""
        return f"{self.key}: {self.message}" if self.key else self.message


class InvalidScenarioError(ScenarioError):
    """A scenario whose values cannot be: every problem found, in file order."""

    def __init__(self, *, file: str, problems: Sequence[Problem]) -> None:
        """Name the file and list the problems, one a line when there are several."""
        self.file = file
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            super().__init__(f"{file}: {self.problems[0]}")
        else:
            lines = "".join(f"\n  {problem}" for problem in self.problems)
            super().__init__(f"{file}: {len(self.problems)} problems{lines}")

"""What can be wrong with a scenario.

ScenarioError
├── ImpossibleValueError   a value that a key cannot have; the loader adds where it stands
│   └── QuantityError      a text that is no quantity, or an ambiguous one
├── ScenarioNotFoundError  neither a library name nor a readable file
├── ScenarioSyntaxError    the file is not TOML
├── OverrideError          a `--set` that names nothing
├── CalibrationError       a file of measurements that is none
└── InvalidScenarioError   one or more keys with a wrong value
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


class ScenarioError(Exception):
    """Root of everything this package raises; its text is meant for the user."""


class ImpossibleValueError(ScenarioError, ValueError):
    """A value that cannot be; says what was found and what was expected.

    Attributes:
        key: path of the value inside the table that was being read; empty for the table itself.
    """

    def __init__(self, *, found: str, expected: str, key: str = "") -> None:
        """Build the message from what was `found`, in words, and what was `expected`."""
        self.key = key
        self.expected = expected
        super().__init__(f"found {found}, expected {expected}")


class QuantityError(ImpossibleValueError):
    """A text that cannot be read as a quantity."""

    def __init__(self, *, found: object, expected: str) -> None:
        """Build the message from the value `found` and what was `expected`."""
        super().__init__(found=shown(found), expected=expected)


def shown(value: object) -> str:
    """Return `value` as an error message shows it: as in the file, but no longer than a line."""
    if isinstance(value, Mapping):
        return "a table"
    try:
        text = repr(value).lower() if isinstance(value, bool) else repr(value)
    except ValueError:  # Python refuses to print an integer of more than 4,300 digits.
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST_FOUND else f"{text[:_LONGEST_FOUND]}…"


_LONGEST_FOUND = 60
_NEAR = 0.75


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint `did you mean ...?`, in brackets, or nothing if no known name is near."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
    return f" (did you mean {near[0]!r}?)" if near else ""


class ScenarioNotFoundError(ScenarioError):
    """Neither a scenario of the library nor a file that can be read."""

    def __init__(self, *, name: str, reason: str, library: Sequence[str]) -> None:
        """Name what was asked for, why it is not there, and what is."""
        self.name = name
        shown_name = name if name and name.isprintable() else repr(name)
        super().__init__(
            f"{shown_name}: {reason}{nearest(name, library)}; expected a TOML file or a library "
            f"name ({', '.join(library)})"
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
        super().__init__(_listed(file, self.problems))


class CalibrationError(ScenarioError):
    """A calibration file that cannot be read, or whose values cannot be."""

    def __init__(self, *, file: str, problems: Sequence[Problem]) -> None:
        """Name the file and list the problems, one a line when there are several."""
        self.file = file
        self.problems = tuple(problems)
        super().__init__(_listed(f"calibration {file}".strip(), self.problems))


def _listed(what: str, problems: Sequence[Problem]) -> str:
    if len(problems) == 1:
        return f"{what}: {problems[0]}"
    lines = "".join(f"\n  {problem}" for problem in problems)
    return f"{what}: {len(problems)} problems{lines}"

"""From a library name or a file to a validated scenario, or to one error that says what is wrong.

A file may extend another, share machines between boxes, and be overridden on the command line; all
of that is settled in tables, before the model reads them.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from scenarios.calibration import Calibration, calibrated
from scenarios.errors import (
    InvalidScenarioError,
    Problem,
    ScenarioNotFoundError,
    ScenarioSyntaxError,
    shown,
)
from scenarios.machines import with_machines
from scenarios.model import Scenario
from scenarios.overrides import Table, merged, overridden, with_population
from scenarios.problems import problems_of

LIBRARY = Path(__file__).parent / "library"
DEFAULT = "news_feed"


def library_names() -> list[str]:
    """Return the names of the scenarios that come with the program, in alphabetical order."""
    return sorted(path.stem for path in LIBRARY.glob("*.toml"))


def load(
    name: str = DEFAULT,
    *,
    dau: float | None = None,
    mau: float | None = None,
    overrides: Sequence[str] = (),
    calibration: Calibration | None = None,
) -> Scenario:
    """Return the scenario of that library name or file, with the changes asked for.

    Args:
        name: a library name, or the path of a TOML file.
        dau: daily users instead of the scenario's; `mau` keeps its ratio if it is not given.
        mau: monthly users instead of the scenario's.
        overrides: texts `section.key=value`, applied in order, last.
        calibration: what was measured, which counts where the scenario assumes.

    Raises:
        ScenarioNotFoundError: if there is no such file or it cannot be read.
        ScenarioSyntaxError: if it is not TOML in UTF-8.
        OverrideError: if an override leads nowhere.
        CalibrationError: if the calibration has measured no box of the scenario.
        InvalidScenarioError: if a key is unknown or its value cannot be; names every such key.
    """
    table = with_population(_table(name, extended_by=()), dau=dau, mau=mau)
    if calibration is not None:
        table = calibrated(table, calibration)
    for override in overrides:
        table = overridden(table, override)
    try:
        return Scenario.model_validate(with_machines(table))
    except ValidationError as error:
        problems = problems_of(error, table)
        raise InvalidScenarioError(
            file=_blame(name, problems, overrides), problems=problems
        ) from None


def _table(name: str, *, extended_by: tuple[Path, ...]) -> Table:
    """Return the tables of that scenario, those that it extends included."""
    path = LIBRARY / f"{name}.toml" if name in library_names() else Path(name)
    table = _parsed(path, name)
    real_path = path.resolve()
    if real_path in extended_by:
        problem = Problem("extends", "found a cycle, a file that extends itself, expected an end")
        raise InvalidScenarioError(file=name, problems=[problem])
    base = table.pop("extends", None)
    if base is None:
        return table
    if not isinstance(base, str):
        problem = Problem("extends", f"found {shown(base)}, expected a library name or a file")
        raise InvalidScenarioError(file=name, problems=[problem])
    # A path in `extends` is meant from the file that says so, not from where the command runs.
    base_name = base if base in library_names() else str(path.parent / base)
    return merged(_table(base_name, extended_by=(*extended_by, real_path)), table)


def _parsed(path: Path, name: str) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioSyntaxError(file=name, reason=str(error)) from None
    except RecursionError:
        raise ScenarioSyntaxError(file=name, reason="nested too deeply") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ScenarioNotFoundError(name=name, reason=reason, library=library_names()) from None


def _blame(name: str, problems: Sequence[Problem], overrides: Sequence[str]) -> str:
    """Name the file, with the override that one of the problems comes from if there is one."""
    for override in overrides:
        path = override.partition("=")[0].strip()
        if any(f"{path}.".startswith(f"{problem.key}.") for problem in problems):
            return f"{name} with --set {override}"
    return name

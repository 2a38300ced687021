"""From a library name or a file to a validated scenario, or to one error that says what is wrong."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from scenarios.errors import (
    InvalidScenarioError,
    Problem,
    ScenarioNotFoundError,
    ScenarioSyntaxError,
)
from scenarios.model import Scenario
from scenarios.overrides import Table, merged, overridden, with_machines, with_population

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

LIBRARY = Path(__file__).parent / "library"
DEFAULT = "news_feed"

_KEYED = re.compile(r"^(?P<key>[a-z0-9_.]+): (?P<message>.*)$", re.DOTALL)
_LONGEST_FOUND = 60


def library_names() -> list[str]:
    """Return the names of the scenarios that come with the program, in alphabetical order."""
    return sorted(path.stem for path in LIBRARY.glob("*.toml"))


def load(
    name: str = DEFAULT,
    *,
    dau: float | None = None,
    mau: float | None = None,
    overrides: Sequence[str] = (),
) -> Scenario:
    """Return the scenario of that library name or file, with the changes asked for.

    Args:
        name: a library name, or the path of a TOML file.
        dau: daily users instead of the scenario's; `mau` keeps its ratio if it is not given.
        mau: monthly users instead of the scenario's.
        overrides: texts `section.key=value`, applied in order, last.

    Raises:
        ScenarioNotFoundError: if there is no such file or it cannot be read.
        ScenarioSyntaxError: if it is not TOML in UTF-8.
        OverrideError: if an override leads nowhere.
        InvalidScenarioError: if a key is unknown or its value cannot be; names every such key.
    """
    table = with_population(_table(name, seen=()), dau=dau, mau=mau)
    for override in overrides:
        table = overridden(table, override)
    try:
        return Scenario.model_validate(with_machines(table))
    except ValidationError as error:
        problems = list(_problems(error))
        raise InvalidScenarioError(file=_blame(name, problems, overrides), problems=problems) from None


def _table(name: str, *, seen: tuple[str, ...]) -> Table:
    if name in seen:
        chain = " -> ".join((*seen, name))
        raise InvalidScenarioError(
            file=name, problems=[Problem("extends", f"found a cycle, {chain}, expected an end")]
        )
    path = LIBRARY / f"{name}.toml" if name in library_names() else Path(name)
    table = _parsed(path, name)
    base = table.pop("extends", None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise InvalidScenarioError(
            file=name, problems=[Problem("extends", f"found {base!r}, expected a scenario's name")]
        )
    # A path in `extends` is meant from the file that says so, not from where the command runs.
    beside = path.parent / base
    return merged(_table(str(beside) if beside.is_file() else base, seen=(*seen, name)), table)


def _parsed(path: Path, name: str) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioSyntaxError(file=name, reason=str(error)) from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ScenarioNotFoundError(name=name, reason=reason, library=library_names()) from None


def _problems(error: ValidationError) -> Iterator[Problem]:
    for detail in error.errors(include_url=False):
        key = ".".join(str(part) for part in _location(detail))
        yield _problem(key, detail)


def _location(detail: "ErrorDetails") -> Sequence[int | str]:
    # pydantic adds the names of its own union branches and wrappers, which are no keys of ours.
    return [part for part in detail["loc"] if isinstance(part, int) or _is_key(part)]


def _is_key(part: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]+", part) is not None and part not in _BRANCHES


_BRANCHES = {
    "Assumption", "Visits", "float", "str", "constrained-str", "region_outage", "flash_crowd",
    "celebrity_post", "cache_flush",
}  # fmt: skip


def _problem(key: str, detail: "ErrorDetails") -> Problem:
    found = _shown(detail.get("input"))
    match detail["type"]:
        case "extra_forbidden" if key.endswith(".machine"):
            return Problem(key, f"found {found}, expected the name of a table in [machines]")
        case "extra_forbidden":
            return Problem(key, f"unknown key (found {found}); see docs/scenarios.md for the keys")
        case "missing":
            return Problem(key, "found nothing, expected a value: the key is missing")
        case "quantity":
            return Problem(key, detail["msg"])
        case "value_error":
            message = detail["msg"].removeprefix("Value error, ")
            keyed = _KEYED.match(message)
            if keyed is None:
                return Problem(key, message)
            whole = f"{key}.{keyed['key']}" if key else keyed["key"]
            return Problem(whole, keyed["message"])
        case _:
            expected = detail["msg"].removeprefix("Input should be ")
            return Problem(key, f"found {found}, expected {expected}")


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a table"
    text = repr(value)
    return text if len(text) <= _LONGEST_FOUND else f"{text[:_LONGEST_FOUND]}…"


def _blame(name: str, problems: Sequence[Problem], overrides: Sequence[str]) -> str:
    keys = {problem.key for problem in problems}
    for override in overrides:
        if override.partition("=")[0].strip() in keys:
            return f"{name} with --set {override}"
    return name

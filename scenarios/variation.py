"""The same scenario with one assumption changed: what if this figure were another?"""

from collections.abc import Sequence
from typing import cast

from pydantic import BaseModel

from scenarios.assumption import Assumption
from scenarios.model import Scenario


def with_assumption(scenario: Scenario, key: str, value: float) -> Scenario:
    """Return `scenario` with the assumption of that key (as `assumptions` yields it) at `value`.

    Nothing else is checked again: the value must be one that the assumption may have.

    Raises:
        KeyError: if there is no assumption of that key.
    """
    try:
        return cast("Scenario", _varied(scenario, key.split("."), value))
    except (AttributeError, LookupError, ValueError):
        raise KeyError(key) from None


def _varied(part: object, path: Sequence[str], value: float) -> object:
    match part:
        case Assumption() if not path:
            return part.at(value)
        case BaseModel():
            changed = _varied(getattr(part, path[0]), path[1:], value)
            return part.model_copy(update={path[0]: changed})
        case dict():
            return part | {path[0]: _varied(part[path[0]], path[1:], value)}
        case tuple():
            names = [getattr(item, "name", "") or str(index) for index, item in enumerate(part)]
            at = names.index(path[0])
            return (*part[:at], _varied(part[at], path[1:], value), *part[at + 1 :])
        case _:
            raise LookupError

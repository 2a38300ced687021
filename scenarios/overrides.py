"""Changes to a scenario file's tables before they are validated: `extends`, `--set`, `--dau`."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from scenarios.errors import OverrideError, QuantityError, nearest
from scenarios.quantities import Dimension, parse

Table = dict[str, Any]
"""A parsed TOML table; its shape is checked only when the scenario model reads it."""

COMMAND_LINE = "set on the command line"


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> Table:
    """Return `base` with `change` laid over it, table by table.

    The steps of a flow are merged by name, new names last; `false` takes away what `base` has;
    anything else that both have is replaced.
    """
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        if value is False and key in base:
            del result[key]
        elif isinstance(old, Mapping) and isinstance(value, Mapping):
            # A quantity written as a table is one value: its old range must not frame a new figure.
            result[key] = dict(value) if "value" in value else merged(old, value)
        elif key == "steps" and (steps := _merged_steps(old, value)):
            result[key] = steps
        else:
            result[key] = value
    return result


def _merged_steps(old: object, new: object) -> list[Table] | None:
    """Return the steps of both, or None if they are not what the model would accept anyway."""
    old_steps, new_steps = _by_name(old), _by_name(new)
    if old_steps is None or new_steps is None:
        return None
    changed = {name: merged(old_steps.get(name, {}), step) for name, step in new_steps.items()}
    return list((old_steps | changed).values())


def _by_name(steps: object) -> dict[str, Table] | None:
    if not isinstance(steps, list):
        return None
    named = {_name(step): step for step in steps}
    # Two steps of one name stay as they are, for the model to name.
    return None if "" in named or len(named) < len(steps) else named


def _name(item: object) -> str:
    """Return what a step is called, by its name or else by its box; empty for anything else."""
    name = item.get("name", item.get("box")) if isinstance(item, Mapping) else None
    return name if isinstance(name, str) else ""


def overridden(table: Mapping[str, Any], override: str) -> Table:
    """Return `table` with `section.key=value` applied.

    The key is a path of table keys, names of steps, or positions, from 0, in an array. A figure
    that is set this way loses its range: it is no longer uncertain.

    Raises:
        OverrideError: if there is no `=`, or the path leads through something that is no table.
    """
    path, separator, value = override.partition("=")
    keys = path.strip().split(".")
    if not separator or not all(keys):
        raise OverrideError(override=override, reason="expected section.key=value")
    return {
        **table,
        keys[0]: _replaced(table.get(keys[0], {}), keys[1:], value.strip(), override=override),
    }


def _replaced(old: object, keys: Sequence[str], text: str, *, override: str) -> object:
    """Return `old` with the value at that path below it replaced."""
    if not keys:
        return _replacement(old, text, override=override)
    key, *rest = keys
    if isinstance(old, list):
        position = _position(old, key, override=override)
        item = _replaced(old[position], rest, text, override=override)
        return [*old[:position], item, *old[position + 1 :]]
    if isinstance(old, Mapping):
        return {**old, key: _replaced(old.get(key, {}), rest, text, override=override)}
    raise OverrideError(override=override, reason=f"found {key!r} below a value, not a section")


def _position(items: Sequence[object], key: str, *, override: str) -> int:
    names = [_name(item) or str(index) for index, item in enumerate(items)]
    if key in names:
        return names.index(key)
    positions = [str(index) for index in range(len(items))]
    if key in positions:
        return positions.index(key)
    reason = f"found {key!r}{nearest(key, names)}, expected one of {', '.join(names) or 'none'}"
    raise OverrideError(override=override, reason=reason)


def _replacement(old: object, text: str, *, override: str) -> object:
    if isinstance(old, Mapping) and "value" in old:
        return {"value": text, "source": COMMAND_LINE}
    # Quantities and names are plain text; counts of machines, arrays and tables are TOML.
    if not re.fullmatch(_TOML_VALUE, text, re.DOTALL | re.ASCII):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError) as error:
        raise OverrideError(override=override, reason=f"not a TOML value: {error}") from None


_TOML_VALUE = r"[+-]?[1-9]\d*|0|[\[{].*"


def with_population(table: Mapping[str, Any], *, dau: float | None, mau: float | None) -> Table:
    """Return `table` with other daily or monthly users; with `dau` alone, `mau` keeps its ratio."""
    population = table.get("population")
    if not isinstance(population, Mapping) or (dau is None and mau is None):
        return dict(table)
    if mau is None and dau is not None:
        mau = _scaled_mau(population, dau)
    users = {"dau": dau, "mau": mau}
    changed = {
        key: {"value": value, "source": COMMAND_LINE}
        for key, value in users.items()
        if value is not None
    }
    return {**table, "population": {**population, **changed}}


def _scaled_mau(population: Mapping[str, Any], dau: float) -> float | None:
    try:
        base_dau, base_mau = (_users(population.get(key)) for key in ("dau", "mau"))
    except QuantityError:
        return None  # The model names what is wrong with the file's own figure.
    return dau * base_mau / base_dau if base_dau > 0 else None


def _users(raw: Any) -> float:  # noqa: ANN401 - whatever the file holds there
    return parse(raw.get("value") if isinstance(raw, Mapping) else raw, Dimension.COUNT)

"""Changes to a scenario file's tables before they are validated: `extends`, `--set`, `--dau`."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from scenarios.errors import OverrideError, QuantityError
from scenarios.quantities import Dimension, parse

Table = dict[str, Any]
"""A parsed TOML table; its shape is checked only when the scenario model reads it."""

COMMAND_LINE = "set on the command line"


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> Table:
    """Return `base` with `change` laid over it, table by table.

    Arrays of named tables (a flow's steps) are merged by name, new names last; anything else that
    both have is replaced.
    """
    result = dict(base)
    for key, value in change.items():
        result[key] = _merged_value(result[key], value) if key in result else value
    return result


def _merged_value(old: object, new: object) -> object:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        # A quantity written as a table is one value: its old range must not frame a new figure.
        return dict(new) if "value" in new else merged(old, new)
    if _is_named(old) and _is_named(new):
        return _merged_by_name(old, new)
    return new


def _is_named(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) and _name(item) for item in value)


def _name(item: Mapping[str, Any]) -> object:
    return item.get("name") or item.get("box")


def _merged_by_name(old: Any, new: Any) -> list[Table]:  # noqa: ANN401 - checked by _is_named
    items = {_name(item): item for item in old}
    for item in new:
        items[_name(item)] = merged(items.get(_name(item), {}), item)
    return list(items.values())


def with_machines(table: Mapping[str, Any]) -> Table:
    """Return `table` with each box's machine written out in it, and no machines left.

    A box whose machine is unknown keeps the key, for the model to name.
    """
    machines, boxes = table.get("machines"), table.get("boxes")
    if not isinstance(machines, Mapping) or not isinstance(boxes, Mapping):
        return dict(table)
    complete = {name: _with_machine(box, machines) for name, box in boxes.items()}
    kept = {key: value for key, value in table.items() if key != "machines"}
    return {**kept, "boxes": complete}


def _with_machine(box: Any, machines: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as in the file
    if not isinstance(box, Mapping):
        return box
    machine = machines.get(box.get("machine", ""))
    if not isinstance(machine, Mapping):
        return box
    return merged(machine, {key: value for key, value in box.items() if key != "machine"})


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
    return _with(table, keys, value.strip(), override=override)


def _with(table: Mapping[str, Any], keys: Sequence[str], value: str, *, override: str) -> Table:
    key, *rest = keys
    result = dict(table)
    if not rest:
        result[key] = _replacement(result.get(key), value, override=override)
        return result
    inner = result.get(key, {})
    if isinstance(inner, list):
        result[key] = _with_item(inner, rest, value, override=override)
    elif isinstance(inner, Mapping):
        result[key] = _with(inner, rest, value, override=override)
    else:
        raise OverrideError(override=override, reason=f"{key} is a value, not a section")
    return result


def _with_item(
    items: Sequence[Any], keys: Sequence[str], value: str, *, override: str
) -> list[Any]:
    key, *rest = keys
    names = [_name(item) if isinstance(item, Mapping) else None for item in items]
    if key in names:
        position = names.index(key)
    elif key.isdecimal() and int(key) < len(items):
        position = int(key)
    else:
        known = ", ".join(str(name or index) for index, name in enumerate(names))
        raise OverrideError(override=override, reason=f"no item {key!r}, expected one of {known}")
    if rest:
        item = _with(items[position], rest, value, override=override)
    else:
        item = _replacement(items[position], value, override=override)
    return [*items[:position], item, *items[position + 1 :]]


def _replacement(old: object, text: str, *, override: str) -> object:
    if isinstance(old, Mapping) and "value" in old:
        return {"value": text, "source": COMMAND_LINE}
    if not text.startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise OverrideError(override=override, reason=f"not a TOML value: {error}") from None


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
    return parse(raw["value"] if isinstance(raw, Mapping) else raw, Dimension.COUNT)

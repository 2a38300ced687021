"""What pydantic finds wrong, as problems that name the key as the scenario's author wrote it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from scenarios.errors import ImpossibleValueError, Problem, nearest, shown
from scenarios.machines import machine_of
from scenarios.section import Section

_KEY_OF_A_TABLE = "[key]"
"""pydantic's own last part of a location where a name in a table is wrong."""

_EXPECTED = {
    "string_pattern_mismatch": "a name: lower-case letters, digits and _, a letter first",
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
    "tuple_type": "an array",
    "too_short": "at least one",
    "union_tag_not_found": "a table with kind",
}


def problems_of(error: ValidationError, table: Mapping[str, Any]) -> list[Problem]:
    """Return each problem once, in file order; `table` is the file's, machines not written out."""
    details = error.errors(include_url=False)
    # What a box of an unknown machine lacks is the machine, not the keys it would have given.
    homeless = {detail["loc"][:2] for detail in details if detail["loc"][2:] == ("machine",)}
    found = (
        _problem(detail, table)
        for detail in details
        if detail["type"] != "missing" or detail["loc"][:2] not in homeless
    )
    return list(dict.fromkeys(found))


def _problem(detail: ErrorDetails, table: Mapping[str, Any]) -> Problem:
    key = ".".join(_key(detail["loc"], table))
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, ImpossibleValueError):
        return Problem(".".join(filter(None, (key, cause.key))), str(cause))
    return Problem(key, _message(detail, last=key.rpartition(".")[2], table=table))


def _message(detail: ErrorDetails, *, last: str, table: Mapping[str, Any]) -> str:
    found = shown(detail["input"])
    match detail["type"]:
        case "extra_forbidden" if last == "machine":
            machines = list(_table(table, "machines"))
            near = nearest(detail["input"], machines) if isinstance(detail["input"], str) else ""
            return f"found {found}{near}, expected a machine: {', '.join(machines)}"
        case "extra_forbidden" if detail["loc"] == ("machines",):
            return f"found {found}, expected a table"
        case "extra_forbidden":
            return f"unknown key{nearest(last, _known_keys())}, see docs/scenarios.md for the keys"
        case "missing":
            return "found nothing, expected a value: the key is missing"
        case "union_tag_invalid":
            kind, kinds = detail["ctx"]["tag"], detail["ctx"]["expected_tags"]
            return f"found kind {kind!r}, expected one of {kinds}"
        case known:
            expected = _EXPECTED.get(known) or detail["msg"].removeprefix("Input should be ")
            return f"found {found}, expected {expected.format_map(detail.get('ctx', {}))}"


def _known_keys(section: type[Section] = Section) -> Iterator[str]:
    for kind in section.__subclasses__():
        yield from kind.model_fields
        yield from _known_keys(kind)


def _key(location: Sequence[int | str], table: Mapping[str, Any]) -> Iterator[str]:
    match [part for part in location if part != _KEY_OF_A_TABLE]:
        case ["events", position, str(), *rest]:
            # The part between is pydantic's: the kind of event that it took the table for.
            yield from ("events", str(position), *map(str, rest))
        case ["flows", flow, "steps", int(position), *rest]:
            step = _table(table, "flows", flow)["steps"][position]
            yield from ("flows", str(flow), "steps", _step_name(step, position), *map(str, rest))
        case ["boxes", box, str(key), *rest] if key not in _table(table, "boxes", box):
            # What the box does not say itself comes from its machine.
            machine = machine_of(_table(table, "boxes", box))
            shared = key in _table(table, "machines", machine)
            place = ("machines", machine) if shared else ("boxes", str(box))
            yield from (*place, key, *map(str, rest))
        case parts:
            yield from map(str, parts)


def _step_name(step: object, position: int) -> str:
    name = step.get("name", step.get("box")) if isinstance(step, Mapping) else None
    return name if isinstance(name, str) else str(position)


def _table(table: Mapping[str, Any], *path: str | int) -> Mapping[str, Any]:
    """Return the table at that path of a file; an empty one if none is there."""
    for key in path:
        inner = table.get(str(key))
        table = inner if isinstance(inner, Mapping) else {}
    return table

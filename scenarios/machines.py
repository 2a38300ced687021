"""Machines: what several boxes run on, written once in a scenario file and shared by name."""

from collections.abc import Mapping
from typing import Any

from scenarios.overrides import Table, merged


def with_machines(table: Mapping[str, Any]) -> Table:
    """Return `table` with each box's machine written out in it, and no machines left.

    A box whose machine is unknown keeps the key, for the model to name.
    """
    machines, boxes = table.get("machines"), table.get("boxes")
    if not isinstance(machines, Mapping):
        return dict(table)
    kept = {key: value for key, value in table.items() if key != "machines"}
    if isinstance(boxes, Mapping):
        kept["boxes"] = {name: _with_machine(box, machines) for name, box in boxes.items()}
    return kept


def _with_machine(box: object, machines: Mapping[str, Any]) -> object:
    name = machine_of(box)
    if not isinstance(box, Mapping) or not isinstance(machines.get(name), Mapping):
        return box
    return merged(machines[name], {key: value for key, value in box.items() if key != "machine"})


def machine_of(box: object) -> str:
    """Return the name of the machine that a box of a file runs on; empty if it has none."""
    name = box.get("machine") if isinstance(box, Mapping) else None
    return name if isinstance(name, str) else ""

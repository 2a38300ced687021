"""Watches what is read of a scenario, so that a result knows which figures it was made from."""

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping
from typing import cast

from pydantic import BaseModel

from scenarios.model import Scenario

Note = Callable[[str], None]


def watched(scenario: Scenario, note: Note) -> Scenario:
    """Return a stand-in for the scenario that calls `note` with the key of all that is read.

    A figure is noted by its own key (`population.dau`); what is computed from a section, or taken
    as a whole, by the section's key (`activity.followers`).
    """
    return cast("Scenario", _WatchedSection(scenario, "", note))


def keys_touched_by(key: str) -> frozenset[str]:
    """Return the keys that are noted by what rests on this figure: its own and its sections'."""
    parts = key.split(".")
    return frozenset(".".join(parts[:length]) for length in range(len(parts) + 1))


class _WatchedSection:
    """Stands in for a section."""

    __slots__ = ("_key", "_note", "_section")

    def __init__(self, section: BaseModel, key: str, note: Note) -> None:
        self._section = section
        self._key = key
        self._note = note

    def __getattr__(self, name: str) -> object:
        value = getattr(self._section, name)
        if name in type(self._section).model_fields:
            return _watched(value, _joined(self._key, name), self._note)
        self._note(self._key)
        return value


class _WatchedTable(Mapping[str, object]):
    """Stands in for a table of sections by name."""

    __slots__ = ("_key", "_note", "_table")

    def __init__(self, table: Mapping[str, object], key: str, note: Note) -> None:
        self._table = table
        self._key = key
        self._note = note

    def __getitem__(self, name: str) -> object:
        return _watched(self._table[name], _joined(self._key, name), self._note)

    def __iter__(self) -> Iterator[str]:
        # Which names there are is no figure: it does not change with one.
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def keys(self) -> KeysView[str]:
        return self._table.keys()

    def items(self) -> ItemsView[str, object]:
        return {name: self[name] for name in self._table}.items()


def _watched(value: object, key: str, note: Note) -> object:
    match value:
        case BaseModel():
            return _WatchedSection(value, key, note)
        case dict():
            return _WatchedTable(value, key, note)
        case _:
            note(key)
            return value


def _joined(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name

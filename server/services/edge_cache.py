"""A cache that is bounded in bytes and not washed out by a scan: 2-LRU.

What is asked for once in a long while does not come in: an object that would push others out is
kept only if it was asked for before, within as many bytes of requests as the cache holds. Those
are remembered by key alone, in a second list that holds no bytes.

Source: Garetto, Leonardi & Martina, A unified approach to the performance analysis of caching
systems, ACM TOMPECS 1 (2016), where it is k-LRU; its hit ratio is in `sim.theory.caches`.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class EdgeCache(Generic[Key, Value]):
    """Values of known sizes, least recently used out first. Not for more than one thread."""

    def __init__(self, *, capacity_bytes: int) -> None:
        self.capacity_bytes = capacity_bytes
        self.held_bytes = 0
        self.evictions = 0
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._asked: OrderedDict[Key, int] = OrderedDict()
        self._asked_bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: Key) -> bool:
        return key in self._values

    def ask(self, key: Key, *, size_bytes: int) -> tuple[Value | None, bool]:
        """Return what is held under a key, and whether it was asked for before.

        What was asked for before may push others out when it is kept.
        """
        was_asked = key in self._asked
        self._note(key, size_bytes, was_asked=was_asked)
        found = self._values.get(key)
        if found is None:
            return None, was_asked
        self._values.move_to_end(key)
        return found[0], was_asked

    def keep(self, key: Key, value: Value, *, size_bytes: int, may_evict: bool) -> bool:
        """Keep a value if there is room, or if it may push others out; whether it is kept."""
        if key in self._values:
            return True
        if size_bytes > self.capacity_bytes:
            return False
        if self.held_bytes + size_bytes > self.capacity_bytes and not may_evict:
            return False
        self._values[key] = (value, size_bytes)
        self.held_bytes += size_bytes
        while self.held_bytes > self.capacity_bytes:
            _, (_, evicted_bytes) = self._values.popitem(last=False)
            self.held_bytes -= evicted_bytes
            self.evictions += 1
        return True

    def drop(self, matches: Callable[[Key], bool]) -> None:
        """Forget the values of all keys that match."""
        for key in [key for key in self._values if matches(key)]:
            _, size_bytes = self._values.pop(key)
            self.held_bytes -= size_bytes

    def _note(self, key: Key, size_bytes: int, *, was_asked: bool) -> None:
        if was_asked:
            self._asked.move_to_end(key)
            return
        self._asked[key] = size_bytes
        self._asked_bytes += size_bytes
        while self._asked_bytes > self.capacity_bytes:
            _, forgotten_bytes = self._asked.popitem(last=False)
            self._asked_bytes -= forgotten_bytes

"""A bounded cache that cannot be filled with what was read before a write.

A reader that misses takes a lease, reads the store and fills the cache under that lease; if the
key was written meanwhile, what was read may be old and is not kept (Nishtala et al., Scaling
Memcache at Facebook, NSDI 2013, section 3.2.1).
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class LeasedCache(Generic[Key, Value]):
    """Least recently used out first. Not for more than one thread."""

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._writes = 0
        self._written_at: OrderedDict[Key, int] = OrderedDict()
        self._forgotten_writes_until = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        """Return what is cached under a key."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def lease(self) -> int:
        """Return a lease to take before the store is read."""
        return self._writes

    def fill(self, key: Key, value: Value, *, lease: int) -> None:
        """Keep what was read under a lease, unless the key was written since."""
        if self._written_at.get(key, self._forgotten_writes_until) <= lease:
            self._keep(key, value)

    def put(self, key: Key, value: Value) -> None:
        """Keep what was just written."""
        self._note_write(key)
        self._keep(key, value)

    def drop(self, keys: Iterable[Key]) -> None:
        """Forget keys that were just written."""
        for key in keys:
            self._note_write(key)
            self._values.pop(key, None)

    def clear(self) -> None:
        """Forget everything, also what is being read now."""
        self._writes += 1
        self._forgotten_writes_until = self._writes
        self._written_at.clear()
        self._values.clear()

    def _note_write(self, key: Key) -> None:
        self._writes += 1
        self._written_at[key] = self._writes
        self._written_at.move_to_end(key)
        if len(self._written_at) > self._capacity:
            _, self._forgotten_writes_until = self._written_at.popitem(last=False)

    def _keep(self, key: Key, value: Value) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._capacity:
            self._values.popitem(last=False)

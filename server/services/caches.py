"""A bounded cache that cannot be filled with what was read before a write.

A reader that misses takes a lease, reads the store and fills the cache under that lease; if the
key was written meanwhile, what was read may be old and is not kept (Nishtala et al., Scaling
Memcache at Facebook, NSDI 2013, section 3.2.1).
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


# Values that get a second chance before one goes all the same, so that no read waits for many.
SECOND_CHANCES = 64
# Writes that are told from each other, some seconds' worth; what was read before an older one is
# not kept. Each takes 170 bytes (measured).
WRITES_REMEMBERED = 10_000


class LeasedCache(Generic[Key, Value]):
    """The oldest out first, but what was read since it was last its turn gets a second chance.

    That keeps what is used, as "least recently used" would, but a read only marks what it finds
    (the CLOCK of Corbató, A Paging Experiment with the Multics System, 1968). Not for more than one
    thread.
    """

    def __init__(
        self,
        *,
        capacity: int,
        size_of: Callable[[Value], int] = lambda _: 0,
        budget_bytes: float = math.inf,
        on_keep: Callable[[Value], object] = lambda _: None,
        on_out: Callable[[Value], object] = lambda _: None,
    ) -> None:
        """`size_of` estimates the bytes of a value, the same each time, where values differ.

        `on_keep` is told a value that comes in, `on_out` one that goes, for whatever reason.
        """
        self._capacity = capacity
        self._size_of = size_of
        self._budget_bytes = budget_bytes
        self._bytes = 0
        self._on_keep = on_keep
        self._on_out = on_out
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._read: set[Key] = set()
        self._writes = 0
        self._written_at: OrderedDict[Key, int] = OrderedDict()
        self._forgotten_writes_until = 0

    def __len__(self) -> int:
        return len(self._values)

    @property
    def held_bytes(self) -> int:
        """What the values take, by `size_of`."""
        return self._bytes

    def get(self, key: Key) -> Value | None:
        """Return what is cached under a key."""
        value = self._values.get(key)
        if value is not None:
            self._read.add(key)
        return value

    def get_many(self, keys: Sequence[Key]) -> list[Value | None]:
        """Return what is cached under each of the keys, in their order."""
        values = list(map(self._values.get, keys))
        if None in values:
            self._read.update(self._values.keys() & keys)
        else:
            self._read.update(keys)
        return values

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

    def changed(self, key: Key) -> None:
        """Note that a value was written in place."""
        self._note_write(key)

    def drop(self, keys: Iterable[Key]) -> None:
        """Forget keys that were just written."""
        for key in keys:
            self._note_write(key)
            self._take_out(key)

    def clear(self) -> None:
        """Forget everything, also what is being read now."""
        self._writes += 1
        self._forgotten_writes_until = self._writes
        self._written_at.clear()
        for key in tuple(self._values):
            self._take_out(key)

    def _note_write(self, key: Key) -> None:
        self._writes += 1
        self._written_at[key] = self._writes
        self._written_at.move_to_end(key)
        if len(self._written_at) > WRITES_REMEMBERED:
            _, self._forgotten_writes_until = self._written_at.popitem(last=False)

    def _keep(self, key: Key, value: Value) -> None:
        self._take_out(key)
        self._values[key] = value
        self._bytes += self._size_of(value)
        self._on_keep(value)
        while len(self._values) > self._capacity or self._bytes > self._budget_bytes:
            self._make_room()

    def _make_room(self) -> None:
        for _ in range(SECOND_CHANCES):
            key = next(iter(self._values))
            if key not in self._read:
                break
            self._read.remove(key)
            self._values.move_to_end(key)
        self._take_out(next(iter(self._values)))

    def _take_out(self, key: Key) -> None:
        value = self._values.pop(key, None)
        if value is not None:
            self._read.discard(key)
            self._bytes -= self._size_of(value)
            self._on_out(value)

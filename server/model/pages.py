"""Pages of lists: newest first, cut at an id."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")


class PageRequest(NamedTuple):
    """Which part of a list: at most `limit` items with ids below `before`, newest first."""

    before: int
    limit: int

    @property
    def and_one_more(self) -> "PageRequest":
        """The same part and one item more, which tells whether a page follows."""
        return PageRequest(self.before, self.limit + 1)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Items, newest first, and the id below which the list goes on; None at its end."""

    items: Sequence[Item]
    next_before: int | None


def first_page(items: Sequence[Item], *, limit: int, id_of: Callable[[Item], int]) -> Page[Item]:
    """Return the first `limit` of items that were asked for with one more."""
    kept = items[:limit]
    return Page(kept, id_of(kept[-1]) if len(items) > limit else None)

"""Which posts stand on the feed pages read lately, for as long as nothing about them has changed.

No answer is old: the posts are those of the post cache, whose counts change in place, and each is
looked at each time. A page is put together anew when its feed or its reader's followees have
changed, or when one of its posts was edited, deleted or put out of the post cache; its JSON also
when a count has changed.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from server.model.pages import PageRequest
from server.services.feed_cache import FeedSources
from server.services.post_cache import ShownPost


@dataclass(slots=True, eq=False)
class FeedPage:
    """Posts of a feed, newest first, and the id below which it goes on; None at its end.

    Attributes:
        presented: the page in JSON, once the gateway has made it, while no post on it has changed.
    """

    items: Sequence[ShownPost]
    next_before: int | None
    presented: bytes = field(default=b"", init=False)
    _presented_items: Sequence[bytes] = field(default=(), init=False)

    def keep_presented(self, items: Sequence[bytes], presented: bytes) -> None:
        """Keep the page's JSON, and its items', which stand in it."""
        self.presented = presented
        self._presented_items = items

    @property
    def is_as_presented(self) -> bool:
        """Whether its JSON shows the posts as they are now."""
        # A list, which is made three times as fast as a generator yields. Where nothing has
        # changed its items are the same objects.
        return [shown.presented for shown in self.items] == self._presented_items

    @property
    def size_bytes(self) -> int:
        """What it takes in memory at most, as if its posts stood nowhere else."""
        return sum(shown.size_bytes + shown.presented_at_most_bytes for shown in self.items)


class _Kept(NamedTuple):
    sources: FeedSources
    page: FeedPage
    size_bytes: int


class PageCache:
    """Pages by reader and place; the oldest out first.

    Bounded as if no two pages had a post in common: so much at most do pages keep alive of what the
    post cache has let go.
    """

    def __init__(self, *, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._bytes = 0
        self._pages: OrderedDict[tuple[int, PageRequest], _Kept] = OrderedDict()

    def get(self, user_id: int, request: PageRequest, sources: FeedSources) -> FeedPage | None:
        """Return the page, if it was made from these sources and holds no post that is old.

        It tells its JSON (`presented`) only if that is true now: until the caller next waits.
        """
        kept = self._pages.get((user_id, request))
        if kept is None or kept.sources is not sources:
            return None
        page = kept.page
        if page.is_as_presented:
            return page
        page.presented = b""
        return page if all(shown.is_kept for shown in page.items) else None

    def keep(
        self, user_id: int, request: PageRequest, sources: FeedSources, page: FeedPage
    ) -> None:
        """Keep a page, unless posts can come to it that are not pushed into the feed."""
        if sources.feed is None or sources.pulled:
            return
        old = self._pages.pop((user_id, request), None)
        kept = _Kept(sources, page, page.size_bytes)
        self._pages[user_id, request] = kept
        self._bytes += kept.size_bytes - (old.size_bytes if old else 0)
        while self._bytes > self._budget_bytes:
            _, oldest = self._pages.popitem(last=False)
            self._bytes -= oldest.size_bytes

"""Which posts stand on the feed pages read lately, for as long as nothing about them has changed.

No answer is old: the posts are those of the post cache, whose counts change in place, and each is
looked at each time. A page is put together anew when its feed or its reader's followees have
changed, or when one of its posts was edited, deleted or put out of the post cache; its JSON also
when a count has changed.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from weakref import ref

from server.model.pages import PageRequest
from server.services.feed_cache import FeedSources
from server.services.post_cache import ShownPost

# Of the objects around a reader's pages, and around the posts of a page.
_AROUND_READER_BYTES = 500
_AROUND_PAGE_BYTES = 500


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
        return _AROUND_PAGE_BYTES + sum(
            shown.size_bytes + shown.presented_at_most_bytes for shown in self.items
        )


@dataclass(slots=True, eq=False)
class _Kept:
    """A reader's pages, all made from the same sources.

    The feed cache holds the sources; a page does not keep what that has let go.
    """

    sources: Callable[[], FeedSources | None]
    pages: dict[PageRequest, FeedPage] = field(default_factory=dict)
    size_bytes: int = _AROUND_READER_BYTES


class PageCache:
    """Pages by reader and place; the reader whose feed has changed least lately goes first.

    Bounded as if no two pages had a post in common: so much at most do pages keep alive of what the
    post cache has let go.
    """

    def __init__(self, *, budget_bytes: float) -> None:
        self._budget_bytes = budget_bytes
        self._bytes = 0
        self._readers: OrderedDict[int, _Kept] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """What all pages may keep alive, by estimate."""
        return self._bytes

    def get(self, user_id: int, request: PageRequest, sources: FeedSources) -> FeedPage | None:
        """Return the page, if it was made from these sources and holds no post that is old.

        It tells its JSON (`presented`) only if that is true now: until the caller next waits.
        """
        kept = self._readers.get(user_id)
        if kept is None or kept.sources() is not sources:
            return None
        page = kept.pages.get(request)
        if page is None or page.is_as_presented:
            return page
        page.presented = b""
        return page if all(shown.is_kept for shown in page.items) else None

    def keep(
        self, user_id: int, request: PageRequest, sources: FeedSources, page: FeedPage
    ) -> None:
        """Keep a page, unless posts can come to it that are not pushed into the feed.

        The reader's pages that were made from other sources are of no use any more, and go.
        """
        if sources.feed is None or sources.pulled:
            return
        kept = self._readers.get(user_id)
        if kept is None or kept.sources() is not sources:
            self._remove(user_id)
            kept = self._readers[user_id] = _Kept(ref(sources))
            self._bytes += kept.size_bytes
        old = kept.pages.get(request)
        kept.pages[request] = page
        added_bytes = page.size_bytes - (old.size_bytes if old else 0)
        kept.size_bytes += added_bytes
        self._bytes += added_bytes
        while self._bytes > self._budget_bytes:
            self._remove(next(iter(self._readers)))

    def _remove(self, user_id: int) -> None:
        kept = self._readers.pop(user_id, None)
        if kept is not None:
            self._bytes -= kept.size_bytes

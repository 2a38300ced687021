"""Which posts stand on the feed pages read lately, for as long as nothing about them has changed.

It is no memo of answers: the posts are those of the post cache, whose counts change in place. A
page is put together anew when its feed or its reader's followees have changed, or when one of its
posts was edited, deleted or put out of the post cache.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import ref

from server.model.pages import Page, PageRequest
from server.services.feed_cache import FeedSources
from server.services.post_cache import ShownPost

# Of the objects around a reader's pages, and around the posts of a page.
_AROUND_READER_BYTES = 500
_AROUND_PAGE_BYTES = 500


@dataclass(slots=True)
class _Kept:
    """A reader's pages, all made from the same sources.

    The feed cache holds the sources; a page does not keep what that has let go.
    """

    sources: Callable[[], FeedSources | None]
    pages: dict[PageRequest, Page[ShownPost]] = field(default_factory=dict)
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

    def get(
        self, user_id: int, request: PageRequest, sources: FeedSources
    ) -> Page[ShownPost] | None:
        """Return the page, if it was made from these sources and holds no post that is old."""
        kept = self._readers.get(user_id)
        if kept is None or kept.sources() is not sources:
            return None
        page = kept.pages.get(request)
        if page is None:
            return None
        # A list, which is made three times as fast as a generator yields.
        are_kept = [shown.is_kept for shown in page.items]
        return page if all(are_kept) else None

    def keep(
        self, user_id: int, request: PageRequest, sources: FeedSources, page: Page[ShownPost]
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
        added_bytes = _size_bytes(page) - (_size_bytes(old) if old else 0)
        kept.size_bytes += added_bytes
        self._bytes += added_bytes
        while self._bytes > self._budget_bytes:
            self._remove(next(iter(self._readers)))

    def _remove(self, user_id: int) -> None:
        kept = self._readers.pop(user_id, None)
        if kept is not None:
            self._bytes -= kept.size_bytes


def _size_bytes(page: Page[ShownPost]) -> int:
    return _AROUND_PAGE_BYTES + sum(shown.size_bytes for shown in page.items)

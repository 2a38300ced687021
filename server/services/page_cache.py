"""Which posts stand on the feed pages read lately, for as long as nothing about them has changed.

No answer is old: the posts are those of the post cache, whose counts change in place, and each
tells the pages it stands on of a change. A page is put together anew when its feed or its reader's
followees have changed, or when one of its posts was edited, deleted or put out of the post cache;
its JSON also when a count has changed.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from weakref import ref

from server.model.pages import PageRequest
from server.services.feed_cache import FeedSources
from server.services.post_cache import Presented, ShownPost

# Of the objects around a reader's pages, and around the posts of a page.
_AROUND_READER_BYTES = 500
_AROUND_PAGE_BYTES = 500


_NOT_PRESENTED = Presented(b"")


@dataclass(slots=True, eq=False)
class FeedPage:
    """Posts of a feed, newest first, and the id below which it goes on; None at its end.

    Attributes:
        is_kept: whether it is in a page cache.
        noted_until_s: until when nobody needs to be told that it is read, by a monotonic clock.
    """

    items: Sequence[ShownPost]
    next_before: int | None
    is_kept: bool = field(default=False, init=False)
    _presented: Presented = field(default=_NOT_PRESENTED, init=False)
    noted_until_s: float = field(default=-math.inf, init=False)

    @property
    def presented(self) -> bytes:
        """The page in JSON, once the gateway has made it, while no post on it has changed."""
        return self._presented.json

    def keep_presented(self, presented: bytes) -> None:
        """Keep the page's JSON while it is kept, and all its posts, since then it loses it in time.

        To look at each post at each read would fetch forty places of memory, of which few are in a
        processor's cache.
        """
        if self.is_kept and all(shown.is_kept for shown in self.items):
            self._presented = kept = Presented(presented)
            for shown in self.items:
                shown.note_shown_in(kept)

    def leave(self) -> None:
        """Be kept no more."""
        self.is_kept = False
        if self._presented is not _NOT_PRESENTED:
            # Its posts do not keep it.
            self._presented.json = b""

    @property
    def size_bytes(self) -> int:
        """What it takes in memory at most, as if its posts stood nowhere else."""
        return _AROUND_PAGE_BYTES + sum([shown.on_page_bytes for shown in self.items])


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

        It has its JSON (`presented`) only if that is true now: until the caller next waits.
        """
        kept = self._readers.get(user_id)
        if kept is None or kept.sources() is not sources:
            return None
        page = kept.pages.get(request)
        if page is None or page.presented:
            return page
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
        if old:
            old.leave()
        page.is_kept = True
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
            for page in kept.pages.values():
                page.leave()

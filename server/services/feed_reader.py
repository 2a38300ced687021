"""The feed reader: a page of a feed in four steps, skeleton, hydration, rules, presentation."""

from collections.abc import Callable, Mapping, Sequence
from heapq import merge
from itertools import islice

from server.model.feeds import Feed
from server.model.pages import PageRequest, first_page
from server.model.records import FeedEntry
from server.ports.stores import Posts
from server.services.accounts import Accounts
from server.services.feed_cache import FeedCache, FeedSources
from server.services.page_cache import FeedPage, PageCache
from server.services.post_cache import ShownPost
from server.services.post_reader import PostReader

# Some 4,000 pages of twenty short posts.
PAGES_BYTES = 256 * 2**20
NOTED_EVERY_S = 1.0


class FeedReader:
    """Steps 3 to 5 of the flow "read the news feed".

    A step for ads or recommendations would be one more line in `read`.
    """

    def __init__(
        self,
        *,
        feed_cache: FeedCache,
        posts: Posts,
        post_reader: PostReader,
        accounts: Accounts,
        on_read: Callable[[int, FeedSources], None],
        monotonic_s: Callable[[], float],
    ) -> None:
        """`on_read` is told whose feed was read, and what it was made from.

        Of a page that is read again and again it is told once a second.
        """
        self._feed_cache = feed_cache
        self._posts = posts
        self._post_reader = post_reader
        self._accounts = accounts
        self._on_read = on_read
        self._monotonic_s = monotonic_s
        self._pages = PageCache(budget_bytes=PAGES_BYTES)

    @property
    def pages_bytes(self) -> int:
        """What the pages read lately may keep in memory, by estimate."""
        return self._pages.held_bytes

    async def read(self, user_id: int, page: PageRequest) -> FeedPage:
        """Return a page of the posts of whom a user follows, newest first.

        Full unless it is the last: what the rules take out is made up for from further down.

        Raises:
            NotFoundError: if there is no such user.
        """
        sources = self._feed_cache.cached(user_id)
        if sources is None:
            await self._accounts.expect(user_id)
            sources = await self._feed_cache.filled(user_id)
        self._on_read(user_id, sources)
        known = self._pages.get(user_id, page, sources)
        if known:
            return known
        made = _presented(await self._filled(sources, page), page)
        self._pages.keep(user_id, page, sources, made)
        return made

    def at_hand(self, user_id: int, page: PageRequest) -> FeedPage | None:
        """Return the same without waiting, if all that the page is made of is in memory; or None.

        As a page that is not returned it counts for nothing: it is to be read.
        """
        sources = self._feed_cache.at_hand(user_id)
        if sources is None:
            return None
        known = self._pages.get(user_id, page, sources) or self._made(user_id, page, sources)
        if known is None:
            return None
        self._feed_cache.note_hit(user_id)
        now_s = self._monotonic_s()
        if now_s >= known.noted_until_s:
            known.noted_until_s = now_s + NOTED_EVERY_S
            self._on_read(user_id, sources)
        return known

    def _made(self, user_id: int, page: PageRequest, sources: FeedSources) -> FeedPage | None:
        """Make a page of a feed and of posts that are in memory; None if it needs anything else."""
        feed, wanted = sources.feed, page.and_one_more
        if feed is None or sources.pulled or page.before <= feed.floor + 1:
            return None
        post_ids = feed.post_ids(wanted)
        hydrated = self._post_reader.at_hand(post_ids)
        if hydrated is None:
            return None
        shown = _allowed(hydrated, sources)
        is_to_its_end = feed.is_whole and len(post_ids) < wanted.limit
        if len(shown) < wanted.limit and not is_to_its_end:
            return None
        made = _presented(shown, page)
        self._pages.keep(user_id, page, sources, made)
        return made

    async def _filled(self, sources: FeedSources, page: PageRequest) -> Sequence[ShownPost]:
        """Return the posts of a page and one more, if there are as many."""
        shown: list[ShownPost] = []
        rest = page.and_one_more
        while rest.limit > 0:
            post_ids = await self._skeleton(sources, rest)
            hydrated = await self._post_reader.hydrated(post_ids)
            shown += _allowed(hydrated, sources)
            if len(post_ids) < rest.limit:
                break
            rest = PageRequest(post_ids[-1], page.limit + 1 - len(shown))
        return shown

    async def _skeleton(self, sources: FeedSources, page: PageRequest) -> Sequence[int]:
        """Return the posts of a page: from the feed above its floor, from the followees below."""
        feed = sources.feed
        if feed is None or page.before <= feed.floor + 1:
            return _ids(await self._posts.entries_by(sources.followees, page))
        if sources.pulled:
            post_ids = await self._with_pulled(sources.pulled, feed, page)
        else:
            post_ids = feed.post_ids(page)
        if len(post_ids) < page.limit and not feed.is_whole:
            below = PageRequest(feed.floor + 1, page.limit - len(post_ids))
            older = await self._posts.entries_by(sources.followees, below)
            post_ids = [*post_ids, *_ids(older)]
        return post_ids

    async def _with_pulled(
        self, authors: Mapping[int, int], feed: Feed, page: PageRequest
    ) -> Sequence[int]:
        pulled = await self._posts.entries_by(authors, page, above=feed.floor, below=authors)
        both = dict.fromkeys(merge(feed.post_ids(page), _ids(pulled), reverse=True))
        return list(islice(both, page.limit))


def _ids(entries: Sequence[FeedEntry]) -> Sequence[int]:
    return [entry.post_id for entry in entries]


def _allowed(posts: Sequence[ShownPost], sources: FeedSources) -> Sequence[ShownPost]:
    """Return what may be shown: posts that are there still, by whom the reader follows now."""
    followees = sources.followees
    return [shown for shown in posts if shown.author_id in followees]


def _presented(shown: Sequence[ShownPost], page: PageRequest) -> FeedPage:
    cut = first_page(shown, limit=page.limit, id_of=lambda post: post.post_id)
    return FeedPage(cut.items, cut.next_before)

"""Pages that were read lately: when they are still right, and when not."""

import gc
import math
import weakref

import pytest

from server.model.feeds import Feed
from server.model.pages import PageRequest
from server.model.records import Counts, Post
from server.services.feed_cache import FeedSources
from server.services.page_cache import FeedPage, PageCache
from server.services.post_cache import Presented, ShownPost

READER = 1
TOP = PageRequest(before=100, limit=2)
PRESENTED = b"[9,8]"
SOURCES = FeedSources(followees=frozenset({2}), pulled={}, feed=Feed(0))


@pytest.fixture
def page() -> FeedPage:
    posts = [ShownPost(Post(number, author_id=2), Counts(), "ada") for number in (9, 8)]
    for post in posts:
        post.is_kept = True
    return FeedPage(posts, next_before=8)


@pytest.fixture
def cache(page: FeedPage) -> PageCache:
    cache = PageCache(budget_bytes=2.5 * bytes_of(page))
    cache.keep(READER, TOP, SOURCES, page)
    return cache


def bytes_of(page: FeedPage) -> int:
    """What one reader's page counts for."""
    cache = PageCache(budget_bytes=math.inf)
    cache.keep(READER, TOP, SOURCES, page)
    return cache.held_bytes


def present(page: FeedPage) -> None:
    items = [str(shown.post_id).encode() for shown in page.items]
    for shown, item in zip(page.items, items, strict=True):
        shown.keep_presented(item)
    page.keep_presented(PRESENTED)


def test_a_page_of_which_nothing_has_changed_is_known(cache: PageCache, page: FeedPage) -> None:
    assert cache.get(READER, TOP, SOURCES) is page


def test_the_json_of_a_page_is_told_while_no_post_on_it_has_changed(
    cache: PageCache, page: FeedPage
) -> None:
    present(page)

    known = cache.get(READER, TOP, SOURCES)

    assert known is page
    assert known.presented == PRESENTED


def test_a_page_with_a_new_count_is_known_without_its_json(
    cache: PageCache, page: FeedPage
) -> None:
    present(page)
    page.items[1].change()

    known = cache.get(READER, TOP, SOURCES)

    assert known is page
    assert not known.presented


def test_the_json_of_a_post_that_was_put_out_of_the_cache_is_not_kept_with_it(
    cache: PageCache, page: FeedPage
) -> None:
    """A reader may hold it and present it later; the page must not take it for the post of now."""
    present(page)
    old = page.items[1]
    old.is_kept = False
    old.change()
    old.keep_presented(b"8")

    assert cache.get(READER, TOP, SOURCES) is None


def test_a_page_that_is_not_kept_keeps_no_json(page: FeedPage) -> None:
    present(page)

    assert not page.presented


def test_a_page_that_was_put_out_has_no_json(page: FeedPage) -> None:
    cache = PageCache(budget_bytes=1.5 * bytes_of(page))
    cache.keep(READER, TOP, SOURCES, page)
    present(page)

    cache.keep(2, TOP, SOURCES, FeedPage(page.items[:1], next_before=None))

    assert not page.presented


def test_posts_that_do_not_change_gather_no_json_of_pages_that_went(
    cache: PageCache, page: FeedPage
) -> None:
    made = page
    for _ in range(1_000):
        made = FeedPage(page.items, next_before=8)
        cache.keep(READER, TOP, SOURCES, made)
        present(made)

    alive = sum(isinstance(each, Presented) for each in gc.get_objects())

    assert made.presented == PRESENTED
    # Of other tests, too.
    assert alive < 200


def test_another_place_in_the_feed_is_another_page(cache: PageCache) -> None:
    assert cache.get(READER, PageRequest(before=8, limit=2), SOURCES) is None


def test_a_feed_that_was_pushed_to_makes_another_page(cache: PageCache) -> None:
    pushed = FeedSources(followees=frozenset({2}), pulled={}, feed=Feed(0))

    assert cache.get(READER, TOP, pushed) is None


def test_a_post_that_was_edited_or_deleted_makes_another_page(
    cache: PageCache, page: FeedPage
) -> None:
    page.items[1].is_kept = False

    assert cache.get(READER, TOP, SOURCES) is None


@pytest.mark.parametrize(
    "sources",
    [
        FeedSources(followees=frozenset({2}), pulled={2: 9}, feed=Feed(0)),
        FeedSources(followees=frozenset({2}), pulled={}, feed=None),
    ],
    ids=["an author is pulled", "there is no feed"],
)
def test_a_page_to_which_posts_come_unpushed_is_not_kept(
    page: FeedPage, sources: FeedSources
) -> None:
    cache = PageCache(budget_bytes=100_000)

    cache.keep(READER, TOP, sources, page)

    assert cache.get(READER, TOP, sources) is None


def test_the_reader_who_came_first_goes_first(cache: PageCache, page: FeedPage) -> None:
    for reader in (2, 3):
        cache.keep(reader, TOP, SOURCES, page)

    assert [cache.get(reader, TOP, SOURCES) for reader in (1, 2, 3)] == [None, page, page]


def test_pages_of_a_feed_as_it_was_are_let_go_of(page: FeedPage) -> None:
    cache = PageCache(budget_bytes=math.inf)
    for limit in range(1, 10):
        cache.keep(READER, PageRequest(before=100, limit=limit), SOURCES, page)
    pushed = FeedSources(followees=frozenset({2}), pulled={}, feed=Feed(0))

    cache.keep(READER, TOP, pushed, page)

    assert cache.held_bytes == bytes_of(page)
    assert cache.get(READER, TOP, pushed) is page


def test_a_page_that_is_kept_again_counts_once(cache: PageCache, page: FeedPage) -> None:
    for _ in range(5):
        cache.keep(READER, TOP, SOURCES, page)

    assert cache.held_bytes == bytes_of(page)


def test_pages_without_posts_are_bounded_too() -> None:
    empty = FeedPage([], next_before=None)
    cache = PageCache(budget_bytes=5 * bytes_of(empty))

    for reader in range(100):
        cache.keep(reader, TOP, SOURCES, empty)

    kept = [reader for reader in range(100) if cache.get(reader, TOP, SOURCES)]
    assert kept == [95, 96, 97, 98, 99]


def test_a_page_does_not_keep_what_the_feed_cache_has_let_go(page: FeedPage) -> None:
    cache = PageCache(budget_bytes=math.inf)
    sources = FeedSources(followees=frozenset({2}), pulled={}, feed=Feed(0, bytes(12_800)))
    cache.keep(READER, TOP, sources, page)
    gone = weakref.ref(sources)

    del sources

    assert gone() is None

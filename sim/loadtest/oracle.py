"""The oracle: were the pages that were read the pages that should have been?

It works after the load, on the pages that the generators have kept, from what was there before and
what was written meanwhile: order, no post twice, nobody's posts but of those followed, and none
of theirs missing.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any, NamedTuple

from sim.loadtest.world import World
from sim.results.loadtest import ErrorRow, PageCheck

ALLOWANCE_S = 10.0
"""How long after its confirmation a post or a follow may not show yet: longer than any feed that is
fresh enough needs, so that what is missing then is missing, not late."""

_BEFORE_ALL = float("-inf")


class Fault(Enum):
    """What can be wrong with a page."""

    UNREADABLE = "wrong page: not a page of posts"
    MISORDERED = "wrong page: not from newest to oldest"
    DUPLICATE = "wrong page: a post twice"
    NOT_FOLLOWED = "wrong page: a post of somebody who is not followed"
    WRONG_AUTHOR = "wrong page: a post under another author"
    INVENTED = "wrong page: a post that nobody has written"
    MISSING = "wrong page: a post is missing"


class Page(NamedTuple):
    """A page as it was read; times from the start of the run.

    Attributes:
        before: the last post of the page before it; None for a first page.
        items: (post id, author id) from the top; None if it could not be read.
        is_last: whether nothing follows.
    """

    reader: int
    begun_s: float
    done_s: float
    before: int | None
    items: Sequence[tuple[int, int]] | None
    is_last: bool


class _Change(NamedTuple):
    """A follow or unfollow; `done_s` is None if it was not confirmed."""

    is_follow: bool
    begun_s: float
    done_s: float | None


@dataclass(frozen=True, slots=True)
class PageFault:
    """A fault of a page, with what shows it."""

    fault: Fault
    example: str


class Oracle:
    """Knows what was there before the load and what was written during it."""

    def __init__(self, world: World, evidence: Sequence[Mapping[str, Any]]) -> None:
        """Take the world, and what each generator has kept (see `driver/evidence.py`)."""
        self._world = world
        self._ids = world.user_ids.tolist()
        self._author_of: dict[int, int] = {}
        posts: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for post, author in zip(world.post_ids.tolist(), world.authors.tolist(), strict=True):
            posts[author].append((post, _BEFORE_ALL))
            self._author_of[post] = self._ids[author]
        # Posts whose answer never came may be there all the same, under an id that nobody knows.
        self._unconfirmed: dict[int, list[float]] = defaultdict(list)
        for author, post, begun_s, confirmed_s in _all(evidence, "posts"):
            if post is None:
                self._unconfirmed[self._ids[author]].append(begun_s)
            else:
                posts[author].append((post, confirmed_s))
                self._author_of[post] = self._ids[author]
        self._posts = {author: sorted(of_author) for author, of_author in posts.items()}
        self._changes: dict[tuple[int, int], list[_Change]] = defaultdict(list)
        self._changed: dict[int, set[int]] = defaultdict(set)
        for flow, follower, followee, begun_s, done_s in _all(evidence, "follows"):
            self._changes[follower, followee].append(_Change(flow == "follow", begun_s, done_s))
            self._changed[follower].add(followee)
        self.pages = [_page(row) for row in _all(evidence, "pages")]

    def faults(self) -> Iterator[Sequence[PageFault]]:
        """Yield the faults of each page that was kept; nothing for one without."""
        for page in self.pages:
            yield list(self._faults_of(page))

    def _faults_of(self, page: Page) -> Iterator[PageFault]:
        if page.items is None:
            yield PageFault(Fault.UNREADABLE, f"read by user {page.reader}")
            return
        posts = [post for post, _ in page.items]
        yield from _order(page, posts)
        may, must = self._followed(page)
        allowed = {self._ids[user] for user in may}
        for post, author in page.items:
            where = f"post {post} of {author} in the feed of {self._ids[page.reader]}"
            if author not in allowed:
                yield PageFault(Fault.NOT_FOLLOWED, where)
            elif post not in self._author_of:
                begun = self._unconfirmed.get(author, ())
                if not any(begun_s <= page.done_s for begun_s in begun):
                    yield PageFault(Fault.INVENTED, where)
            elif self._author_of[post] != author:
                yield PageFault(Fault.WRONG_AUTHOR, where)
        for post in self._expected(page, must) - set(posts):
            example = f"post {post} is not in the feed of {self._ids[page.reader]}"
            yield PageFault(Fault.MISSING, example)

    def _followed(self, page: Page) -> tuple[set[int], set[int]]:
        """Return whom the reader may have followed at the time, and whom without doubt."""
        may = set(self._world.followees_of(page.reader).tolist())
        must = set(may)
        for followee in self._changed.get(page.reader, ()):
            may_be, must_be = _standing(
                self._changes[page.reader, followee], page, stood=followee in may
            )
            (may.add if may_be else may.discard)(followee)
            (must.add if must_be else must.discard)(followee)
        return may, must

    def _expected(self, page: Page, followees: set[int]) -> set[int]:
        """Return the posts that belong on the page without doubt."""
        assert page.items is not None  # noqa: S101 - such a page is not asked about
        low = 0 if page.is_last or not page.items else page.items[-1][0]
        expected = set()
        for followee in followees:
            posts = self._posts.get(followee, [])
            first = bisect_right(posts, (low, float("inf")))
            last = len(posts)
            if page.before is not None:
                last = bisect_left(posts, (page.before, _BEFORE_ALL))
            for post, confirmed_s in posts[first:last]:
                if confirmed_s < page.begun_s - ALLOWANCE_S:
                    expected.add(post)
        return expected


@dataclass(frozen=True, slots=True)
class Checked:
    """What the oracle has found.

    Attributes:
        pages: in the pages of all evidence.
        wrong: pages with at least one fault, of each piece of evidence.
        rows: faults of those that were asked for.
    """

    pages: PageCheck
    wrong: Sequence[int]
    rows: Sequence[ErrorRow]


def checked_pages(
    world: World,
    evidence: Sequence[Mapping[str, Any]],
    *,
    read: int,
    told_of: Collection[int] | None = None,
) -> Checked:
    """Return how many of the pages that were kept, of `read`, are wrong, and in which ways.

    Each piece of evidence has changed the world for those after it, so that all are needed; rows
    are made of the pieces at the positions `told_of`, of all if None.
    """
    oracle = Oracle(world, evidence)
    faults_of_page = oracle.faults()
    wrong, pages, examples = [], Counter[Fault](), dict[Fault, str]()
    for position, kept in enumerate(evidence):
        found = [next(faults_of_page) for _ in kept["pages"]]
        wrong.append(sum(map(bool, found)))
        if told_of is not None and position not in told_of:
            continue
        for faults in found:
            pages.update({fault.fault for fault in faults})
            for fault in faults:
                examples.setdefault(fault.fault, fault.example)
    rows = [
        ErrorRow("read_feed", fault.value, number, examples[fault])
        for fault, number in pages.most_common()
    ]
    return Checked(PageCheck(len(oracle.pages), read, sum(wrong)), wrong, rows)


def shifted(evidence: Mapping[str, Any], *, by_s: float) -> Mapping[str, Any]:
    """Return evidence with all its times moved: that of several loads is put on one clock."""
    return {
        "posts": [[*row[:2], row[2] + by_s, row[3] and row[3] + by_s] for row in evidence["posts"]],
        "follows": [
            [*row[:3], row[3] + by_s, row[4] and row[4] + by_s] for row in evidence["follows"]
        ],
        "pages": [[row[0], row[1] + by_s, row[2] + by_s, *row[3:]] for row in evidence["pages"]],
    }


def _page(row: Sequence[Any]) -> Page:
    reader, begun_s, done_s, before, items, is_last = row
    pairs = None if items is None else [(post, author) for post, author in items]
    return Page(reader, begun_s, done_s, before, pairs, is_last)


def _all(evidence: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Any]:
    for kept in evidence:
        yield from kept[kind]


def _order(page: Page, posts: Sequence[int]) -> Iterator[PageFault]:
    bounds = [*([] if page.before is None else [page.before]), *posts]
    if any(above < below for above, below in pairwise(bounds)):
        yield PageFault(Fault.MISORDERED, f"posts {posts[:5]}... below {page.before}")
    twice = [post for post, times in Counter(bounds).items() if times > 1]
    if twice:
        yield PageFault(Fault.DUPLICATE, f"post {twice[0]}")


def _standing(changes: Sequence[_Change], page: Page, *, stood: bool) -> tuple[bool, bool]:
    """Return whether a follow may have stood while a page was read, and whether it surely did.

    Of changes that overlap in time either may have come last, and one that was never confirmed may
    come at any time after it was sent.
    """
    begun = [change for change in changes if change.begun_s <= page.done_s]
    follows = [change for change in begun if change.is_follow]
    unfollows = [change for change in begun if not change.is_follow]
    surely_undone = any(
        _is_over(undone, page.begun_s) and _all_over(follows, undone.begun_s)
        for undone in unfollows
    )
    surely_done = any(
        _is_over(done, page.begun_s - ALLOWANCE_S) and _all_over(unfollows, done.begun_s)
        for done in follows
    )
    may = (stood or bool(follows)) and not surely_undone
    return may, surely_done or (stood and not unfollows)


def _is_over(change: _Change, at_s: float) -> bool:
    return change.done_s is not None and change.done_s <= at_s


def _all_over(changes: Sequence[_Change], at_s: float) -> bool:
    return all(_is_over(change, at_s) for change in changes)

"""Fills an empty data folder with a world: users, who follows whom, and their posts."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scenarios.fanout import Fanout, is_pushed
from scenarios.graph import FollowerGraph
from server.adapters.folder import locked_folder
from server.adapters.sqlite.bulk import BulkLoad, load_feeds, loading
from server.errors import WorldError
from server.model.feeds import Feed
from server.model.ids import EPOCH_MS, SEQUENCE_BITS, SHARD_BITS, SHARDS
from server.ports.clock import Clock
from server.services.accounts import token_digest
from server.services.feed_generator import FeedSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Rows between two moves of the progress bar.
CHUNK = 50_000
# How long the users' tokens are good for.
TOKEN_LIFETIME_MS = 30 * 86_400_000

# Measured at the peak of `populate`, a row being a user, a follow or a post.
ROW_BYTES = 125

# Takes what is being done, how many rows of it are done, and of how many, if that is known.
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class World:
    """What a folder is filled with.

    Attributes:
        graph: who follows whom, users numbered from 0.
        users: how many.
        authors: the user of each post, the oldest post first.
        days: over which the posts are spread, up to now.
        tokens: of each user, or none at all.
        feeds: the design whose feeds are built; None to leave that to each first read.
    """

    graph: FollowerGraph
    users: int
    authors: "NDArray[np.int64]"
    days: float
    tokens: Sequence[str] = ()
    feeds: FeedSettings | None = None

    @property
    def has_feeds(self) -> bool:
        """Whether there are feeds to be built: the pull design has none."""
        return self.feeds is not None and self.feeds.fanout is not Fanout.PULL


@dataclass(frozen=True, slots=True)
class Populated:
    """A world, and the ids that it was given: of its users, and of its posts, the oldest first."""

    world: World
    user_ids: "NDArray[np.int64]"
    post_ids: "NDArray[np.int64]"


def expect_possible(*, users: int, follows: float, days: float, posts: float, now_ms: int) -> None:
    """Check that a world can be made at all, before anything is drawn.

    Raises:
        WorldError: if it is older than ids are, or larger than this machine's memory.
    """
    most_days = (now_ms - EPOCH_MS) / 86_400_000
    if not days <= most_days:
        reason = f"ids begin with 2020, {int(most_days)} days ago"
        raise WorldError(option="--days", reason=f"{reason}; found {days:g}")
    rows = users + follows + posts
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if rows * ROW_BYTES > memory_bytes:
        is_old = posts > users + follows
        raise WorldError(
            option="--days" if is_old else "--users",
            reason=f"{users:.3g} users, {follows:.3g} follows and {posts:.3g} posts need some "
            f"{rows * ROW_BYTES / 1e9:,.0f} GB of memory; this machine has "
            f"{memory_bytes / 1e9:,.0f} GB",
        )


def populate(
    folder: Path,
    draw: Callable[[], World],
    *,
    clock: Clock,
    rng: np.random.Generator,
    progress: Progress,
) -> Populated:
    """Fill a folder; `progress` is told what is done, how many rows of it, and of how many.

    The world is drawn only once the folder is known to be good for it.

    Raises:
        DataFolderError: if the folder cannot be used, or has users already.
    """
    with locked_folder(folder):
        with loading(folder) as load:
            progress("drawing", 0, None)
            world = draw()
            now_ms = clock.now_ms()
            filled = _loaded(load, world, now_ms=now_ms, rng=rng, progress=progress)
        if world.has_feeds:
            progress("building feeds", 0, None)
            _load_feeds(folder, filled, pushed=_pushed(world), now_ms=now_ms)
    return filled


def _loaded(
    load: BulkLoad,
    world: World,
    *,
    now_ms: int,
    rng: np.random.Generator,
    progress: Progress,
) -> Populated:
    start_ms = now_ms - round(world.days * 86_400_000)
    shards = rng.integers(SHARDS, size=world.users)
    user_ids = rising_ids(np.full(world.users, start_ms), shards)
    edges = _Edges(world.graph, user_ids, start_ms=start_ms)
    times_ms = np.sort(rng.integers(start_ms, now_ms, size=len(world.authors), endpoint=True))
    post_ids = rising_ids(times_ms, shards[world.authors])
    total = world.users + len(world.graph) + len(world.authors)
    done = 0

    def told(rows: int) -> None:
        nonlocal done
        done += rows
        progress("writing", done, total)

    filled = Populated(world, user_ids, post_ids)
    told(0)
    _load_users(load, world, user_ids, now_ms=now_ms)
    told(world.users)
    for chunk in edges.chunks():
        load.add_edges(chunk)
        told(len(chunk))
    for part in _slices(len(post_ids)):
        _load_posts(load, filled, part)
        told(part.stop - part.start)
    load.mark_pulled(user_ids[~_pushed(world)].tolist())
    load.end(last_id=int(max(user_ids[-1], edges.last_id, *post_ids[-1:].tolist())))
    progress("indexing", 0, None)
    return filled


def rising_ids(times_ms: "NDArray[np.int64]", shards: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Return rising ids of those times, which must not fall, on those shards."""
    ticks = (times_ms - EPOCH_MS) << SEQUENCE_BITS
    steps = np.arange(len(ticks))
    # Each is above the one before it, also within a millisecond.
    ticks = np.maximum.accumulate(ticks - steps) + steps
    return np.asarray((ticks << SHARD_BITS) | shards)


class _Edges:
    """The graph's edges in the order of the table's key: by follower, then followee."""

    def __init__(
        self, graph: FollowerGraph, user_ids: "NDArray[np.int64]", *, start_ms: int
    ) -> None:
        followers, followees = user_ids[graph.followers], user_ids[graph.followees]
        order = np.lexsort((followees, followers))
        self._followers, self._followees = followers[order], followees[order]
        times_ms = np.full(len(graph), start_ms + 1)
        self._ids = rising_ids(times_ms, self._followers % SHARDS)
        self.last_id = int(self._ids[-1]) if len(graph) else 0

    def chunks(self) -> Iterator[list[tuple[int, int, int]]]:
        for part in _slices(len(self._ids)):
            columns = (self._followers[part], self._followees[part], self._ids[part])
            yield list(zip(*(column.tolist() for column in columns), strict=True))


def _load_users(
    load: BulkLoad, world: World, user_ids: "NDArray[np.int64]", *, now_ms: int
) -> None:
    followers = np.bincount(world.graph.followees, minlength=world.users).tolist()
    followees = np.bincount(world.graph.followers, minlength=world.users).tolist()
    names = (f"user{number}" for number in range(world.users))
    load.add_users(zip(user_ids.tolist(), names, followers, followees, strict=True))
    expires_at_ms = now_ms + TOKEN_LIFETIME_MS
    # Each has one, or nobody.
    load.add_tokens(
        (token_digest(token), user_id, expires_at_ms)
        for token, user_id in zip(world.tokens, user_ids.tolist(), strict=False)
    )


def _load_posts(load: BulkLoad, filled: Populated, part: slice) -> None:
    authors = filled.user_ids[filled.world.authors[part]].tolist()
    texts = (f"Post {number}" for number in range(part.start, part.stop))
    load.add_posts(zip(filled.post_ids[part].tolist(), authors, texts, strict=True))


def _pushed(world: World) -> "NDArray[np.bool_]":
    """Return of each user whether their posts are pushed, by the design whose feeds are built."""
    settings = world.feeds
    if settings is None or not world.has_feeds:
        return np.ones(world.users, dtype=bool)
    followers = np.bincount(world.graph.followees, minlength=world.users).tolist()
    return np.asarray(
        [
            is_pushed(settings.fanout, followers=count, push_threshold=settings.push_threshold)
            for count in followers
        ]
    )


def _load_feeds(
    folder: Path, filled: Populated, *, pushed: "NDArray[np.bool_]", now_ms: int
) -> None:
    settings = filled.world.feeds or FeedSettings()
    feeds = _feeds(filled.world, filled, pushed=pushed, cap=settings.max_entries)
    load_feeds(folder, feeds, design=settings.design, now_ms=now_ms)


def _feeds(
    world: World, ids: Populated, *, pushed: "NDArray[np.bool_]", cap: int
) -> Iterator[tuple[int, Feed]]:
    """Yield each user's id and feed: the newest `cap` posts of those followed and `pushed`."""
    by_author = np.argsort(world.authors, kind="stable")
    first = np.searchsorted(world.authors[by_author], np.arange(world.users + 1))
    order = np.argsort(world.graph.followers, kind="stable")
    followees = world.graph.followees[order]
    starts = np.searchsorted(world.graph.followers[order], np.arange(world.users + 1))
    for user, user_id in enumerate(ids.user_ids.tolist()):
        followed = followees[starts[user] : starts[user + 1]]
        authors = followed[pushed[followed]].tolist()
        parts = [by_author[first[author] : first[author + 1]] for author in authors]
        # Posts are numbered from the oldest on.
        posts = np.sort(np.concatenate(parts))[::-1] if parts else by_author[:0]
        floor = int(ids.post_ids[posts[cap]]) if len(posts) > cap else 0
        entries = np.empty((min(len(posts), cap), 2), dtype=">u8")
        entries[:, 0] = ids.post_ids[posts[:cap]]
        entries[:, 1] = ids.user_ids[world.authors[posts[:cap]]]
        yield user_id, Feed(floor, entries.tobytes())


def _slices(rows: int) -> Iterator[slice]:
    for start in range(0, rows, CHUNK):
        yield slice(start, min(start + CHUNK, rows))

"""Whatever is pushed, merged, removed or dropped, and however often the program starts again, the
packed feeds with their tails have, above their floors, all that feeds without a limit have."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from server.adapters.memory.stores import memory_stores
from server.adapters.metrics import Metrics
from server.adapters.sqlite import feed_tails
from server.adapters.sqlite.stores import open_databases, sqlite_stores
from server.model.feeds import Backfill, FanOut, Feed
from server.model.records import FeedEntry, Pair
from server.ports.stores import Feeds
from tests.fakes.clock import ManualClock

CAP = 6
USERS = 4
AUTHORS = 2
STEPS = 240

# What happens to both.
Do = Callable[[Feeds, Feeds], Awaitable[object]]
UNLIMITED = 1_000_000


@pytest.fixture(autouse=True)
def _small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_tails, "BUCKETS", 3)
    monkeypatch.setattr(feed_tails, "ROWS_A_BUCKET", 5)


@pytest.mark.parametrize("seed", range(5))
def test_packed_feeds_are_plain_feeds(seed: int, tmp_path: Path) -> None:
    asyncio.run(compared(tmp_path, np.random.default_rng(seed)))


async def compared(folder: Path, rng: np.random.Generator) -> None:
    clock = ManualClock()
    plain = memory_stores(clock, max_entries=UNLIMITED).feeds
    steps = [step(rng, number) for number in range(1, STEPS)]
    for restart in range(3):
        databases = await open_databases(folder, clock=clock, telemetry=Metrics())
        packed = sqlite_stores(databases, max_entries=CAP).feeds
        try:
            for do in steps[restart * STEPS // 3 : (restart + 1) * STEPS // 3]:
                await do(plain, packed)
                for user_id in range(USERS):
                    assert agree(await packed.get(user_id), await plain.get(user_id))
        finally:
            await databases.close()


def agree(packed: Feed | None, plain: Feed | None) -> bool:
    """Whether a packed feed has all above its own floor that the one that is never trimmed has."""
    if packed is None or plain is None:
        return packed is plain
    above = tuple(entry for entry in plain.entries if entry.post_id > packed.floor)
    return packed.entries == above and plain.floor <= packed.floor and len(packed) <= CAP


def entry_of(post_id: int) -> FeedEntry:
    return FeedEntry(post_id, post_id % AUTHORS)


def step(rng: np.random.Generator, number: int) -> Do:
    """Return something that happens to the feeds; ids so far are up to three times the number."""
    user_id = int(rng.integers(USERS))
    author_id = int(rng.integers(AUTHORS))
    kind = rng.choice(
        ["push", "create", "rebuild", "backfill", "remove", "drop"],
        p=[0.5, 0.1, 0.05, 0.15, 0.18, 0.02],
    )
    # Of what is pushed from here on.
    oldest = max(3 * number - 20, 0)
    fan_outs = [
        FanOut(entry_of(post_id), rng.integers(USERS, size=1).tolist())
        for post_id in rng.integers(oldest + 1, 3 * number + 1, size=3).tolist()
    ]
    # Few, or they would fill a feed at once.
    every_post = [entry_of(post_id) for post_id in range(1, 3 * number + 1, 7)]
    lowest = int(rng.integers(0, 3 * number))

    def for_both(do: Callable[[Feeds], Awaitable[object]]) -> Do:
        async def both(plain: Feeds, packed: Feeds) -> None:
            await do(plain)
            await do(packed)

        return both

    async def backfill(feeds: Feeds) -> None:
        feed = await feeds.get(user_id)
        if feed is not None:
            floor = (await feeds.floors([user_id]))[user_id]
            theirs = [e for e in every_post if e.author_id == author_id and e.post_id > floor]
            post_ids = [entry.post_id for entry in reversed(theirs)]
            await feeds.backfill([Backfill(Pair(user_id, author_id), post_ids)])

    async def rebuild(plain: Feeds, packed: Feeds) -> None:
        truth = await plain.get(user_id)
        if truth is not None:
            older = [e for e in every_post if lowest < e.post_id <= truth.floor]
            newest = sorted((*truth.entries, *older), reverse=True)[:CAP]
            floor = newest[-1].post_id - 1 if len(newest) == CAP else min(lowest, truth.floor)
            await plain.merge(user_id, older, floor=lowest)
            await packed.merge(user_id, newest, floor=floor)

    return {
        "push": for_both(lambda feeds: feeds.push(fan_outs)),
        "create": for_both(lambda feeds: feeds.create(user_id, floor=oldest, now_ms=number)),
        "rebuild": rebuild,
        "backfill": for_both(backfill),
        "remove": for_both(lambda feeds: feeds.remove_authors([Pair(user_id, author_id)])),
        "drop": for_both(lambda feeds: feeds.drop(read_before_ms=number // 2)),
    }[kind]

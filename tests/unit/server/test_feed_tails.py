"""Whatever is pushed, merged, removed or dropped, and however often the program starts again, the
packed feeds with their tails have what the plain feeds in memory have above their floors."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from server.adapters.memory.stores import memory_stores
from server.adapters.metrics import Metrics
from server.adapters.sqlite import feed_tails
from server.adapters.sqlite.stores import open_databases, sqlite_stores
from server.model.feeds import FanOut, Feed
from server.model.ids import LARGEST_ID
from server.model.records import FeedEntry
from server.ports.stores import Feeds
from tests.fakes.clock import ManualClock

CAP = 6
USERS = 12
AUTHORS = 4
STEPS = 150

Do = Callable[[Feeds], Awaitable[object]]


@pytest.fixture(autouse=True)
def _small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_tails, "BUCKETS", 3)
    monkeypatch.setattr(feed_tails, "ROWS_A_BUCKET", 5)


@pytest.mark.parametrize("seed", range(5))
def test_packed_feeds_are_plain_feeds(seed: int, tmp_path: Path) -> None:
    asyncio.run(compared(tmp_path, np.random.default_rng(seed)))


async def compared(folder: Path, rng: np.random.Generator) -> None:
    clock = ManualClock()
    plain = memory_stores(clock, max_entries=CAP).feeds
    steps = [step(rng, number) for number in range(1, STEPS)]
    for restart in range(3):
        databases = await open_databases(folder, clock=clock, telemetry=Metrics())
        packed = sqlite_stores(databases, max_entries=CAP).feeds
        try:
            for do in steps[restart::3]:
                await do(plain)
                await do(packed)
                for user_id in range(USERS):
                    assert agree(await packed.get(user_id), await plain.get(user_id))
        finally:
            await databases.close()


def agree(packed: Feed | None, plain: Feed | None) -> bool:
    """Whether two feeds are the same above both floors: a tail is trimmed later than a feed."""
    if packed is None or plain is None:
        return packed is plain
    floor = max(packed.floor, plain.floor)
    above = [[e for e in feed.entries if e.post_id > floor] for feed in (packed, plain)]
    return above[0] == above[1] and len(packed) <= CAP


def step(rng: np.random.Generator, number: int) -> Do:
    """Return something that happens to the feeds; ids so far are up to three times the number."""
    user_id = int(rng.integers(USERS))
    author_id = int(rng.integers(AUTHORS))
    kind = rng.choice(
        ["push", "create", "merge", "remove", "drop"], p=[0.7, 0.14, 0.06, 0.08, 0.02]
    )
    fan_outs = [
        FanOut(FeedEntry(post_id, post_id % AUTHORS), rng.integers(USERS, size=5).tolist())
        for post_id in rng.integers(1, 3 * number + 1, size=3).tolist()
    ]
    older = [FeedEntry(number, author_id)]
    return {
        "push": lambda feeds: feeds.push(fan_outs),
        "create": lambda feeds: feeds.create(user_id, floor=3 * number, now_ms=number),
        "merge": lambda feeds: feeds.merge(user_id, older, floor=LARGEST_ID),
        "remove": lambda feeds: feeds.remove_author(user_id, author_id),
        "drop": lambda feeds: feeds.drop(read_before_ms=number // 2),
    }[kind]

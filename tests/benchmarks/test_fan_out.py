"""Feed entries a second on disk, beside the plain layout: a row for each entry."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from server.adapters.clock import SystemClock
from server.adapters.metrics import Metrics
from server.adapters.sqlite.database import Database, open_database
from server.adapters.sqlite.feeds import SqliteFeeds
from server.adapters.sqlite.schema import FEEDS_STEPS
from server.model.feeds import FanOut
from server.model.records import FeedEntry

USERS = 100_000
AUTHORS = 2_000
FOLLOWERS = 1_000
POSTS_A_PUSH = 20
PUSHES = 500
PLAIN_PUSHES = 15


@pytest.mark.timeout(900)
def test_fan_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    users = np.arange(1, USERS + 1) * 1024 + rng.integers(1024, size=USERS)
    followers = [rng.choice(users, FOLLOWERS).tolist() for _ in range(AUTHORS)]
    pushes = list(posts(followers, rng, pushes=PUSHES))

    packed_per_s, found = asyncio.run(packed(tmp_path, users.tolist(), pushes))
    plain_per_s = plain(tmp_path, pushes[:PLAIN_PUSHES])

    with capsys.disabled():
        print(
            f"\n{packed_per_s:,.0f} feed entries/s committed ({PUSHES} pushes of"
            f" {POSTS_A_PUSH * FOLLOWERS:,}), {packed_per_s / plain_per_s:.1f} times"
            f" one row an entry ({plain_per_s:,.0f}/s); {found} entries found in feeds read alone"
        )


def posts(
    followers: list[list[int]], rng: np.random.Generator, *, pushes: int
) -> Iterator[list[FanOut]]:
    for push in range(pushes):
        authors = rng.integers(AUTHORS, size=POSTS_A_PUSH).tolist()
        first = push * POSTS_A_PUSH + 1
        yield [
            FanOut(FeedEntry(first + number, author), followers[author])
            for number, author in enumerate(authors)
        ]


async def packed(folder: Path, users: list[int], pushes: list[list[FanOut]]) -> tuple[float, int]:
    """Return entries a second, and how many entries are in twenty users' feeds."""
    database = await open_feeds(folder)
    feeds = SqliteFeeds(database, cap=800)
    await asyncio.gather(*(feeds.create(user_id, floor=0, now_ms=0) for user_id in users[:2_000]))
    await database.write("feeds_db", lambda t: own(t.connection, users))
    started_s = time.perf_counter()
    for fan_outs in pushes:
        await feeds.push(fan_outs)
    per_s = sum(map(size, pushes)) / (time.perf_counter() - started_s)
    await database.close()

    # Another process would find the same: this file, and nothing else.
    database = await open_feeds(folder)
    feeds = SqliteFeeds(database, cap=800)
    found = [await feeds.get(user_id) for user_id in users[:20]]
    await database.close()
    for user_id, feed in zip(users, found, strict=False):
        assert feed
        expected = {f.entry for fan_outs in pushes for f in fan_outs if user_id in f.follower_ids}
        assert feed.entries == tuple(sorted(expected, reverse=True)[:800])
    return per_s, sum(len(feed) for feed in found if feed)


async def open_feeds(folder: Path) -> Database:
    return await open_database(
        folder / "feeds.sqlite3", steps=FEEDS_STEPS, clock=SystemClock(), telemetry=Metrics()
    )


def own(connection: sqlite3.Connection, users: list[int]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO feeds (user_id, floor, read_at_ms) VALUES (?, 0, 0)",
        [(user_id,) for user_id in users],
    )


def plain(folder: Path, pushes: list[list[FanOut]]) -> float:
    """Return entries a second with a row for each, and a commit for each push."""
    connection = sqlite3.connect(folder / "plain.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "CREATE TABLE feeds (user_id INTEGER, post_id INTEGER, author_id INTEGER,"
        " PRIMARY KEY (user_id, post_id)) WITHOUT ROWID"
    )
    started_s = time.perf_counter()
    for fan_outs in pushes:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT OR IGNORE INTO feeds VALUES (?, ?, ?)",
            ((user_id, *f.entry) for f in fan_outs for user_id in f.follower_ids),
        )
        connection.execute("COMMIT")
    per_s = sum(map(size, pushes)) / (time.perf_counter() - started_s)
    connection.close()
    return per_s


def size(fan_outs: list[FanOut]) -> int:
    return sum(len(fan_out.follower_ids) for fan_out in fan_outs)

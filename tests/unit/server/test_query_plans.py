"""The common queries of the design document's data model are searches by an index, never scans.

The statements are those that SQLite is given while the stores are used.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from server.adapters.metrics import Metrics
from server.adapters.sqlite.stores import (
    FEEDS_FILE_NAME,
    FILE_NAME,
    open_databases,
    sqlite_stores,
)
from server.adapters.sqlite.transactions import Transaction
from server.model.events import Event, EventKind, Queue
from server.model.pages import PageRequest
from server.model.records import Pair, PostEdit
from server.ports.idempotency import KeyedAnswer, Reservation
from server.ports.stores import Stores
from tests.fakes.clock import ManualClock
from tests.unit.server.small_world import small_world

PAGE = PageRequest(before=100, limit=10)

QUERIES: dict[str, tuple[Callable[[Stores], Awaitable[object]], str]] = {
    "posts by postId": (lambda s: s.posts.get_many([1]), "posts USING INTEGER PRIMARY KEY"),
    "posts of followees": (lambda s: s.posts.entries_by([1], PAGE), "posts_by_author"),
    "newest posts of many followees": (
        lambda s: s.posts.entries_by(range(1, PAGE.limit + 2), PAGE),
        "posts_by_author",
    ),
    "a feed by userId": (lambda s: s.feeds.get(1), "feeds USING INTEGER PRIMARY KEY"),
    "newest posts of authors": (lambda s: s.posts.newest_by({1: 0}, limit=5), "posts_by_author"),
    "floors of feeds": (lambda s: s.feeds.floors([1]), "feeds USING INTEGER PRIMARY KEY"),
    "edges that stand": (
        lambda s: s.follows.standing([Pair(1, 2)]),
        "follows USING PRIMARY KEY",
    ),
    "edges to settle": (lambda s: s.follows.settle([Pair(1, 2)]), "follows USING PRIMARY KEY"),
    "comments of a post": (lambda s: s.comments.of_post(1, PAGE), "comments_by_post"),
    "users who like a post": (lambda s: s.likes.of_post(1, PAGE), "likes_by_post"),
    "counts of posts": (lambda s: s.counters.get_many([1]), "post_counts USING INTEGER PRIMARY"),
    "followees of a user": (lambda s: s.follows.followees(1), "follows USING PRIMARY KEY"),
    "followees, a page": (lambda s: s.follows.followees_page(1, PAGE), "follows_by_follower"),
    "followers, a page": (lambda s: s.follows.followers_page(1, PAGE), "follows_by_followee"),
    "audiences": (lambda s: s.follows.audiences([1, 2], most=5), "follows_by_followee"),
    "a feed's tail": (lambda s: s.feeds.get(1), "feed_tails USING INTEGER PRIMARY KEY"),
    "followers, a chunk": (
        lambda s: s.follows.followers_after(1, edge_id=0, limit=10),
        "follows_by_followee",
    ),
    "notifications of a user": (
        lambda s: s.notifications.of_user(1, PAGE),
        "notifications_by_user",
    ),
    "events that are due": (
        lambda s: s.messages.due(Queue.FEED_GENERATOR, now_ms=0, limit=10),
        "events_by_queue",
    ),
    "what waits in a queue": (
        lambda s: s.messages.backlog(Queue.FEED_GENERATOR),
        "dead_letters USING COVERING INDEX dead_letters_by_queue",
    ),
    "a comment": (lambda s: s.comments.get(1), "comments USING INTEGER PRIMARY KEY"),
    "notifications after one": (
        lambda s: s.notifications.after(1, 2, limit=10),
        "notifications_by_user",
    ),
    "notifications to mark": (
        lambda s: s.notifications.mark_read(1, up_to=2),
        "notifications_by_user",
    ),
    "a key that comes again": (
        lambda s: s.keys.reserve(b"digest", Reservation(b"print", reserved_id=1)),
        "idempotency_keys USING PRIMARY KEY",
    ),
    "a key's answer": (
        lambda s: s.keys.answer(b"digest", KeyedAnswer(201, None, b"")),
        "idempotency_keys USING PRIMARY KEY",
    ),
    "old keys": (lambda s: s.keys.purge(reserved_before_id=1), "idempotency_keys_by_age"),
    "old tokens": (lambda s: s.users.purge_tokens(expired_before_ms=1), "tokens_by_expiry"),
    "feeds of the away": (lambda s: s.feeds.drop(read_before_ms=0), "feeds_by_reading"),
    "a post to edit": (
        lambda s: s.posts.edit(1, PostEdit(text="new")),
        "posts USING INTEGER PRIMARY KEY",
    ),
    "an edge to remove": (
        lambda s: s.follows.remove(1, 2, Event(EventKind.UNFOLLOWED, 1, 2)),
        "follows USING PRIMARY KEY",
    ),
    "posts that show media": (lambda s: s.posts.showing("/media/k"), "posts_by_media"),
    "media by key": (lambda s: s.media.get_many(["k"]), "media USING INDEX sqlite_autoindex_media"),
    "a user by name": (lambda s: s.users.credentials("ada"), "users USING INDEX"),
    "a token": (lambda s: s.users.token(b"digest"), "tokens USING PRIMARY KEY"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_common_query_uses_its_index(name: str, tmp_path: Path) -> None:
    query, index = QUERIES[name]

    plan = asyncio.run(plan_of(query, tmp_path))

    assert f"SEARCH {index}" in plan or f"INDEX {index}" in plan, plan
    assert "TEMP B-TREE" not in plan
    scans = [line for line in plan.splitlines() if line.startswith("SCAN")]
    no_tables = "json_each", "(subquery", "CONSTANT ROW"
    assert all(any(each in scan for each in no_tables) for scan in scans), plan


async def plan_of(query: Callable[[Stores], Awaitable[object]], folder: Path) -> str:
    databases = await open_databases(folder, clock=ManualClock(), telemetry=Metrics())
    stores = sqlite_stores(databases, max_entries=5)
    # Reads once who has a feed, which is a scan.
    await stores.feeds.create(1, floor=0, now_ms=0)
    statements: dict[str, list[str]] = {FILE_NAME: [], FEEDS_FILE_NAME: []}
    for database, seen in zip((databases.main, databases.feeds), statements.values(), strict=True):
        await database.read("test", partial(trace, seen))
        await database.write("test", partial(trace_writer, seen))
    await query(stores)
    await databases.close()
    assert any(statements.values())
    return "\n".join(
        plan for name, seen in statements.items() for plan in plans(folder / name, seen)
    )


def trace(statements: list[str], connection: sqlite3.Connection) -> None:
    connection.set_trace_callback(statements.append)


def trace_writer(statements: list[str], transaction: Transaction) -> None:
    trace(statements, transaction.connection)


def plans(path: Path, statements: list[str]) -> list[str]:
    queries = [text for text in statements if text.startswith(("SELECT", "UPDATE", "DELETE"))]
    connection = sqlite3.connect(path)
    found = [
        row[3] for query in queries for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")
    ]
    connection.close()
    return found


def test_a_page_takes_few_statements_however_many_are_followed(tmp_path: Path) -> None:
    """Each keeps the only reader, and the interpreter."""
    statements: list[str] = []

    async def test() -> None:
        async with small_world(tmp_path) as world:
            read = world.databases.main.read
            await read("test", lambda database: database.set_trace_callback(statements.append))
            await world.boxes.stores.posts.entries_by(range(1, 10_001), PAGE)
            await read("test", lambda database: database.set_trace_callback(None))

    asyncio.run(test())
    assert len(statements) < 2 * PAGE.limit

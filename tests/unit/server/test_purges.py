"""What is old goes in small parts, so that no write waits for all of it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from server.adapters.sqlite.database import PURGED_AT_ONCE, Database
from server.adapters.sqlite.transactions import Transaction
from server.ports.stores import Stores
from tests.unit.server.small_world import small_world

ROWS = 2 * PURGED_AT_ONCE + 1
PURGES: dict[str, tuple[str, Callable[[Stores], Awaitable[object]]]] = {
    "tokens": (
        "INSERT INTO tokens VALUES (?, 1, 10)",
        lambda stores: stores.users.purge_tokens(expired_before_ms=11),
    ),
    "idempotency_keys": (
        "INSERT INTO idempotency_keys (digest, fingerprint, reserved_id) VALUES (?, x'00', 10)",
        lambda stores: stores.keys.purge(reserved_before_id=11),
    ),
    "feeds": (
        "INSERT INTO feeds (user_id, floor, read_at_ms) VALUES (?, 0, 10)",
        lambda stores: stores.feeds.drop(read_before_ms=11),
    ),
}


@pytest.mark.parametrize("table", PURGES)
def test_others_write_between_the_parts_of_a_purge(table: str, tmp_path: Path) -> None:
    insert, purge = PURGES[table]

    async def test() -> None:
        async with small_world(tmp_path) as world:
            database = world.databases.feeds if table == "feeds" else world.databases.main
            await database.write("test", filling(insert))

            task = asyncio.ensure_future(purge(world.boxes.stores))
            left = [await rows_of(database, table)]
            while left[-1]:
                left.append(await rows_of(database, table))
            await task

            assert {ROWS - PURGED_AT_ONCE, ROWS - 2 * PURGED_AT_ONCE, 0} <= set(left)

    asyncio.run(test())


def filling(insert: str) -> Callable[[Transaction], object]:
    # SQLite takes a number for a key of bytes.
    rows = [(number,) for number in range(ROWS)]
    return lambda transaction: transaction.connection.executemany(insert, rows)


async def rows_of(database: Database, table: str) -> int:
    """Return how many rows there are, by a write that waits its turn."""

    def count(transaction: Transaction) -> int:
        row = transaction.connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
        return int(row.fetchone()[0])

    return await database.write("test", count)

"""Rows of the queue that nobody of ours wrote: set aside, and in nobody's way."""

import asyncio
import sqlite3
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from server.adapters.sqlite.transactions import Transaction
from server.model.events import Event, EventKind, Queue
from tests.unit.server.small_world import SmallWorld, small_world

# Whatever a column of SQLite takes.
VALUES = {
    "text": "many",
    "a blob": b"\x00\xff",
    "a fraction": 1.5,
    "infinity": float("inf"),
}
NUMBERS = ("user_id", "subject_id", "comment_id", "attempts", "due_at_ms", "queued_at_ms")
QUEUED_AT_MS = 1
NO_UTF8 = "CAST(x'ff' AS TEXT)"


def insert(database: sqlite3.Connection, row: Mapping[str, object]) -> None:
    usual = {"kind": "posted", "user_id": 1, "subject_id": 1, "queued_at_ms": QUEUED_AT_MS}
    columns: dict[str, object] = {**usual, **row}
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    database.execute(
        f"INSERT INTO events (queue, {names}) VALUES ('feed_generator', {marks})",  # noqa: S608
        list(columns.values()),
    )


async def another_program_queues(world: SmallWorld, **row: object) -> None:
    def work(transaction: Transaction) -> None:
        insert(transaction.connection, row)

    await world.databases.main.write("test", work)


async def reader_and_author(world: SmallWorld) -> tuple[int, int]:
    reader, author = await world.user("reader"), await world.user("author")
    await world.follow(reader, author)
    await world.boxes.drain()
    await world.boxes.feed_generator.rebuild(reader)
    return reader, author


@pytest.mark.parametrize("column", NUMBERS)
@pytest.mark.parametrize("kind", VALUES)
def test_an_event_that_cannot_be_read_is_set_aside_and_all_others_are_delivered(
    tmp_path: Path, column: str, kind: str
) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            reader, author = await reader_and_author(world)
            await world.post(author, "before")
            await another_program_queues(world, **{column: VALUES[kind]})
            await world.post(author, "after")

            await world.boxes.drain()

            assert await world.feed(reader) == ["after", "before"]
            messages = world.boxes.stores.messages
            [letter] = await messages.dead_letters(limit=10)
            assert letter.reason.startswith(f"UnreadableEventError: {column} cannot be the ")
            assert (await messages.backlog(Queue.FEED_GENERATOR)).events == 0
            assert 'dead_letters_total{box="feed_generator"} 1' in world.metrics.text()

    asyncio.run(test())


def test_an_event_of_another_queue_s_kind_is_set_aside_at_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            await another_program_queues(world, kind=str(EventKind.UPLOADED))

            await world.boxes.drain()

            [letter] = await world.boxes.stores.messages.dead_letters(limit=10)
            assert letter.reason == "UnreadableEventError: kind cannot be the text 'uploaded'"
            assert letter.event == Event(EventKind.UPLOADED, 1, 1)

    asyncio.run(test())


def test_the_log_has_what_was_set_aside_and_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            await another_program_queues(world, kind="poison")
            await another_program_queues(world, attempts="many")
            await world.boxes.drain()

    asyncio.run(test())

    told = "event {} of feed_generator cannot be read and is a dead letter now: {}"
    assert [record.getMessage() for record in caplog.records] == [
        told.format(1, "kind cannot be the text 'poison'"),
        told.format(2, "attempts cannot be the text 'many'"),
    ]


def test_what_cannot_be_read_is_kept_as_it_was_and_listed_as_text(tmp_path: Path) -> None:
    def text_that_is_no_utf8(transaction: Transaction) -> None:
        insert(transaction.connection, {"kind": b"\x00\xff", "subject_id": "a post"})
        transaction.connection.execute(f"UPDATE events SET user_id = {NO_UTF8}")  # noqa: S608

    def kept(database: sqlite3.Connection) -> object:
        return database.execute(
            "SELECT kind, CAST(user_id AS BLOB), subject_id FROM dead_letters"
        ).fetchone()

    async def test() -> None:
        async with small_world(tmp_path) as world:
            await world.databases.main.write("test", text_that_is_no_utf8)
            await world.boxes.drain()

            assert await world.databases.main.read("test", kept) == (b"\x00\xff", b"\xff", "a post")
            [letter] = await world.boxes.stores.messages.dead_letters(limit=10)
            assert list(letter.event) == ["\x00\\xff", "\\xff", "a post", None]

    asyncio.run(test())


def test_an_event_whose_tries_cannot_be_counted_is_delivered_when_it_is_replayed(
    tmp_path: Path,
) -> None:
    def miscount(post_id: int, transaction: Transaction) -> None:
        transaction.write_events()
        transaction.connection.execute(
            "UPDATE events SET attempts = 'many' WHERE subject_id = ?", (post_id,)
        )

    async def test() -> None:
        async with small_world(tmp_path) as world:
            reader, author = await reader_and_author(world)
            post_id = await world.post(author, "confirmed")
            await world.databases.main.write("test", partial(miscount, post_id))
            await world.boxes.drain()
            assert await world.feed(reader) == []

            [letter] = await world.boxes.stores.messages.dead_letters(limit=10)
            await world.boxes.stores.messages.replay([letter.sequence])
            await world.boxes.drain()

            assert await world.feed(reader) == ["confirmed"]
            assert not await world.boxes.stores.messages.dead_letters(limit=10)

    asyncio.run(test())

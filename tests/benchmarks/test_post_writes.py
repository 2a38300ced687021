"""Posts a second, beside a bare handler that parses the same body and commits the same rows."""

import json
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.benchmarks.side_by_side import Compared, bare, hammered
from tests.benchmarks.worlds import pin
from tests.e2e.serving import Person, serving

AUTHORS = 200
CONNECTIONS = 64
ROUNDS = 5
SECONDS = 5
TEXT = "a post of the usual length, with nothing in it that is out of the ordinary " * 2

BARE = """
import asyncio, collections, sqlite3, sys
import aiosqlite, orjson, uvloop
from aiohttp import web

waiting = collections.deque()
arrived = asyncio.Event()
ids = iter(range(1, 1 << 60))

def commit(connection, jobs):
    connection.execute("BEGIN IMMEDIATE")
    for _, post_id, body in jobs:
        connection.execute(
            "INSERT INTO posts (post_id, author_id, text, hashtags) VALUES (?, ?, ?, '[]')",
            (post_id, int(body["userId"]), body["text"]))
        connection.execute(
            "INSERT INTO events (queue, kind, user_id, subject_id, queued_at_ms)"
            " VALUES ('feed_generator', 'posted', ?, ?, 0)", (int(body["userId"]), post_id))
    connection.execute("COMMIT")

async def write(database):
    while True:
        await arrived.wait()
        arrived.clear()
        while waiting:
            jobs = [waiting.popleft() for _ in range(min(len(waiting), 256))]
            await database._execute(commit, database._conn, jobs)
            for done, _, _ in jobs:
                done.set_result(None)

async def handle(request):
    body = orjson.loads(await request.read())
    done, post_id = asyncio.get_running_loop().create_future(), next(ids)
    waiting.append((done, post_id, body))
    arrived.set()
    await done
    answer = {"postId": str(post_id), "userId": body["userId"], "hashtags": [],
              "createdAt": "2026-01-01T00:00:00.000Z", "likeCount": 0, "commentCount": 0,
              "text": body["text"]}
    return web.Response(status=201, body=orjson.dumps(answer),
                        headers={"Content-Type": "application/json"})

async def main():
    database = await aiosqlite.connect(sys.argv[1], isolation_level=None)
    for statement in (
        "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
        "CREATE TABLE posts (post_id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, text TEXT,"
        " media_url TEXT, description TEXT, hashtags TEXT NOT NULL,"
        " is_deleted INTEGER NOT NULL DEFAULT 0)",
        "CREATE INDEX posts_by_author ON posts (author_id, post_id) WHERE is_deleted = 0",
        "CREATE TABLE events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL,"
        " kind TEXT NOT NULL, user_id INTEGER NOT NULL, subject_id INTEGER NOT NULL,"
        " comment_id INTEGER, attempts INTEGER NOT NULL DEFAULT 0,"
        " due_at_ms INTEGER NOT NULL DEFAULT 0, queued_at_ms INTEGER NOT NULL)",
        "CREATE INDEX events_by_queue ON events (queue, sequence)",
    ):
        await database.execute(statement)
    writing = asyncio.create_task(write(database))
    app = web.Application()
    app.router.add_post("/v1/posts", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await writing

uvloop.run(main())
"""


@pytest.mark.timeout(600)
def test_post_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = Path(sys.executable).with_name("socialfeed")

    # More events may wait than usual: a client without a pause leaves no time for their effects.
    with serving(program, tmp_path / "data", "--queued-events", "10000000") as server:
        people = [server.sign_up(f"author {number}") for number in range(AUTHORS)]
        pin(server.process.pid)
        requests = [post_by(person) for person in people]
        load = partial(hammered, requests=requests, connections=CONNECTIONS, seconds=SECONDS)
        with bare(BARE, str(tmp_path / "bare.sqlite3")) as (bare_id, bare_port):
            rounds = [
                (load(server.process.pid, server.port), load(bare_id, bare_port))
                for _ in range(ROUNDS)
            ]

    ours, theirs = zip(*rounds, strict=True)
    with capsys.disabled():
        print(f"\n{Compared(ours, theirs).told('posts')}; the events of ours are consumed beside")


def post_by(person: Person) -> str:
    body = json.dumps({"userId": person.user_id, "text": TEXT})
    return f"POST\t/v1/posts\t{person.token}\t{body}"

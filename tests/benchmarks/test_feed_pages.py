"""Warm feed pages a second, beside a bare handler that answers with the same bytes."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from tests.e2e.serving import Serving, serving

USERS = 1_000
FOLLOWERS = 50
CONNECTIONS = 8
ROUNDS = 3
SECONDS = 5
LIKES_PER_S = 20
SERVER_CORE, CLIENT_CORE = 0, 1

BARE = """
import asyncio, sys, uvloop
from aiohttp import web

async def main():
    body = open(sys.argv[1], "rb").read()

    async def handle(request):
        return web.Response(body=body, headers={"Content-Type": "application/json"})

    app = web.Application()
    app.router.add_get("/v1/feeds/{userId}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

uvloop.run(main())
"""


@dataclass(frozen=True)
class Hammered:
    """What a client has seen."""

    per_s: float
    p50_ms: float
    p99_ms: float


@pytest.mark.timeout(600)
def test_feed_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = Path(sys.executable).with_name("socialfeed")
    data = tmp_path / "data"
    world = ["--users", str(USERS), "--set", f"activity.followers.mean={FOLLOWERS}"]
    subprocess.run([program, "populate", *world, "--data", data], check=True)
    users, posts = known(data)

    with serving(program, data, "--open") as server:
        pin(server.process.pid)
        paths = warm(server, users)
        page = server.send("GET", paths[0]).body
        with bare(tmp_path, page) as bare_port, liking(server, users, posts):
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(hammered(server.port, paths))
                theirs.append(hammered(bare_port, paths))

    shares = [our.per_s / their.per_s for our, their in zip(ours, theirs, strict=True)]
    with capsys.disabled():
        print(
            f"\n{median(our.per_s for our in ours):,.0f} pages/s of {len(page):,} B, p50"
            f" {median(our.p50_ms for our in ours):.2f} ms, p99"
            f" {median(our.p99_ms for our in ours):.2f} ms: {median(shares):.0%} of a bare handler"
            f" ({median(their.per_s for their in theirs):,.0f}/s; {min(shares):.0%} to"
            f" {max(shares):.0%} in {ROUNDS} rounds), {LIKES_PER_S} likes/s beside it"
        )


def known(folder: Path) -> tuple[list[int], list[int]]:
    """Return all users and posts."""
    with sqlite3.connect(folder / "socialfeed.sqlite3") as connection:
        found = [
            [row[0] for row in connection.execute(query)]
            for query in ("SELECT user_id FROM users", "SELECT post_id FROM posts")
        ]
    connection.close()
    return found[0], found[1]


def pin(process_id: int) -> None:
    for thread in Path(f"/proc/{process_id}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {SERVER_CORE})


def warm(server: Serving, users: Sequence[int]) -> list[str]:
    """Read the first two pages of every feed; returns their paths."""
    paths = []
    for user in users:
        path = f"/v1/feeds/{user}"
        paths.append(path)
        cursor = server.send("GET", path).json["nextCursor"]
        if cursor:
            paths.append(f"{path}?cursor={cursor}")
            server.send("GET", paths[-1])
    # The feeds are built in the background meanwhile.
    time.sleep(5)
    return paths


def hammered(port: int, paths: Sequence[str]) -> Hammered:
    client = Path(__file__).with_name("hammer.py")
    on_its_core = ["taskset", "-c", str(CLIENT_CORE), sys.executable, str(client)]
    done = subprocess.run(
        [*on_its_core, "127.0.0.1", str(port), str(CONNECTIONS), str(SECONDS)],
        input="\n".join(paths),
        text=True,
        check=True,
        capture_output=True,
    )
    per_s, p50_ms, p99_ms, failed = map(float, done.stdout.split())
    assert failed == 0
    return Hammered(per_s, p50_ms, p99_ms)


@contextmanager
def bare(folder: Path, page: bytes) -> Iterator[int]:
    """Serve the same bytes with nothing behind them; yields the port."""
    (folder / "page.json").write_bytes(page)
    command = [sys.executable, "-c", BARE, str(folder / "page.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        pin(process.pid)
        yield port
        process.send_signal(signal.SIGTERM)


@contextmanager
def liking(server: Serving, users: Sequence[int], posts: Sequence[int]) -> Iterator[None]:
    """Have people like and post all the time, so that pages change while they are read."""
    ended = threading.Event()
    rng = np.random.default_rng(1)

    def work() -> None:
        while not ended.wait(1 / LIKES_PER_S):
            user, post = str(rng.choice(users)), str(rng.choice(posts))
            server.send("POST", "/v1/likes", {"userId": user, "postId": post})
            if rng.random() < 1 / LIKES_PER_S:
                server.send("POST", "/v1/posts", {"userId": user, "text": "meanwhile"})

    thread = threading.Thread(target=work)
    thread.start()
    yield
    ended.set()
    thread.join()

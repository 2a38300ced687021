"""How long after its confirmation a post is in its last follower's feed, under load."""

import asyncio
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from tests.e2e.serving import Serving, serving

USERS = 1_000
FOLLOWERS = 200
POSTS_PER_S = 200
DURATION_S = 20
TARGET_S = 1.0
READS_AT_ONCE = 16


@pytest.mark.timeout(300)
def test_freshness(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = Path(sys.executable).with_name("socialfeed")
    world = ["--users", str(USERS), "--set", f"activity.followers.mean={FOLLOWERS}"]
    subprocess.run([program, "populate", *world, "--data", tmp_path], check=True)
    with sqlite3.connect(tmp_path / "socialfeed.sqlite3") as database:
        users = [row[0] for row in database.execute("SELECT user_id FROM users")]
        edges = database.execute("SELECT count(*) FROM follows").fetchone()[0]
    database.close()

    with serving(program, tmp_path, "--open") as server:
        offered = asyncio.run(run(server, users))
        time.sleep(3)
        within, total = freshness(server)

    with capsys.disabled():
        print(
            f"\n{offered:.0f} posts/s confirmed, {edges / USERS:.0f} followers each:"
            f" {within / total:.2%} of {total} fresh within {TARGET_S:g} s"
        )


async def run(server: Serving, users: list[int]) -> float:
    """Build every feed by reading it, then post at a steady rate; returns posts a second."""
    url = f"http://127.0.0.1:{server.port}/v1"
    rng = np.random.default_rng(1)
    async with aiohttp.ClientSession() as session:
        slots = asyncio.Semaphore(READS_AT_ONCE)

        async def read(user: int) -> None:
            async with slots, session.get(f"{url}/feeds/{user}") as answer:
                assert answer.status == 200

        await asyncio.gather(*map(read, users))
        await asyncio.sleep(2)

        async def post(number: int, author: int) -> bool:
            await asyncio.sleep(number / POSTS_PER_S)
            body = {"userId": str(author), "text": f"text {number}"}
            async with session.post(f"{url}/posts", json=body) as answer:
                return answer.status == 201

        authors = rng.choice(users, POSTS_PER_S * DURATION_S).tolist()
        started_s = time.perf_counter()
        confirmed = await asyncio.gather(*(post(n, author) for n, author in enumerate(authors)))
    return sum(confirmed) / (time.perf_counter() - started_s)


def freshness(server: Serving) -> tuple[int, int]:
    """Return how many events were done within the target, and how many in all."""
    text = server.send("GET", "/metrics").body.decode()
    found = [
        re.search(rf"socialfeed_freshness_seconds_{name} (\d+)", text)
        for name in (r'bucket{box="feed_generator",le="1"}', r'count{box="feed_generator"}')
    ]
    within, total = (int(match[1]) for match in found if match)
    return within, total

"""A post for a million followers: when the last has it, and what others notice of it."""

import asyncio
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from tests.e2e.serving import Serving, serving

USERS = 1_000
FOLLOWERS = 1_000_000
POSTS_PER_S = 20
DURATION_S = 20
# The targets; a metric tells the next of its bounds above.
LAST_WITHIN_S, OTHERS_WITHIN_S = 15.0, 2.0


@pytest.mark.timeout(600)
def test_wide_fan_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = Path(sys.executable).with_name("socialfeed")
    world = ["--users", str(USERS), "--set", "activity.followers.mean=100"]
    subprocess.run([program, "populate", *world, "--data", tmp_path], check=True)
    with serving(program, tmp_path, "--fanout", "push") as server:
        server.stop()
    users, last_follower = add_followers(tmp_path)

    with serving(program, tmp_path, "--open", "--fanout", "push") as server:
        asyncio.run(run(server, users))
        last = freshness(server, "wide_fan_out")
        others = freshness(server, "feed_generator")
        path = f"/v1/feeds/{last_follower}"
        assert server.send("GET", path).json["items"][0]["text"] == "to many"

    with capsys.disabled():
        print(
            f"\n{FOLLOWERS:,} feeds have the post within {last[-1]:g} s; meanwhile"
            f" 99 % of {others[0]} posts of others are in all feeds within {others[-1]:g} s"
        )
    assert last[-1] <= LAST_WITHIN_S
    assert others[-1] <= OTHERS_WITHIN_S


def add_followers(folder: Path) -> tuple[list[int], int]:
    """Give the first user a million followers who have feeds; returns users, the last of them."""
    main = sqlite3.connect(folder / "socialfeed.sqlite3")
    users = [row[0] for row in main.execute("SELECT user_id FROM users ORDER BY user_id")]
    followed = users[0]
    # Spread over all shards, and below the ids that the server will make.
    ids = [users[0] - (1 + number) * 1024 - number * 7 % 1024 for number in range(FOLLOWERS)]
    main.executemany(
        "INSERT INTO users (user_id, name, followees) VALUES (?, ?, 1)",
        ((user_id, f"follower{user_id}") for user_id in ids),
    )
    main.executemany(
        "INSERT INTO follows VALUES (?, ?, ?, 1)",
        ((user_id, followed, number + 1) for number, user_id in enumerate(ids)),
    )
    main.execute("UPDATE users SET followers = ? WHERE user_id = ?", (FOLLOWERS, followed))
    (last_id,) = main.execute("SELECT value FROM settings WHERE name = 'last_id'").fetchone()
    main.commit()
    main.close()
    feeds = sqlite3.connect(folder / "feeds.sqlite3")
    read_at_ms = (int(last_id) >> 22) + 1_577_836_800_000
    feeds.executemany(
        "INSERT INTO feeds (user_id, floor, read_at_ms) VALUES (?, ?, ?)",
        ((user_id, int(last_id), read_at_ms) for user_id in [*ids, *users]),
    )
    feeds.commit()
    feeds.close()
    return users, ids[-1]


async def run(server: Serving, users: list[int]) -> None:
    """Post to the million, and go on posting as others."""
    url = f"http://127.0.0.1:{server.port}/v1/posts"
    authors = np.random.default_rng(1).choice(users[1:], POSTS_PER_S * DURATION_S).tolist()
    async with aiohttp.ClientSession() as session:

        async def post(at_s: float, author: int, text: str) -> None:
            await asyncio.sleep(at_s)
            body = {"userId": str(author), "text": text}
            async with session.post(url, json=body) as answer:
                assert answer.status == 201

        others = (post(n / POSTS_PER_S, author, "to few") for n, author in enumerate(authors))
        await asyncio.gather(post(1, users[0], "to many"), *others)
    await asyncio.sleep(1)


def freshness(server: Serving, queue: str) -> tuple[int, float]:
    """Return how many events a queue has had, and the bound that 99 % of them are within."""
    text = server.send("GET", "/metrics").body.decode()
    bucket = rf'socialfeed_freshness_seconds_bucket{{box="{queue}",le="(.*?)"}} (\d+)'
    counts = {float(bound): int(count) for bound, count in re.findall(bucket, text)}
    total = max(counts.values())
    return total, min(bound for bound, count in counts.items() if count >= 0.99 * total)

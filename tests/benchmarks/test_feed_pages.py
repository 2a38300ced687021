"""Warm feed pages a second, beside a bare handler that answers with the same bytes.

Then half as many a second come at their own pace, which is how people come. People like and post
while ours is measured, on the client's core and through our server; while the bare one is, nobody
does, since our server would answer on the bare one's core.
"""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from tests.benchmarks.flood import FIRST_CONNECTIONS
from tests.benchmarks.side_by_side import Compared, Hammered, bare, hammered
from tests.benchmarks.test_overload import flooded
from tests.benchmarks.worlds import CLIENT_CORE, known, pin, waited_for_core_s
from tests.e2e.serving import Serving, serving

USERS = 1_000
FOLLOWERS = 50
CONNECTIONS = 8
ROUNDS = 5
SECONDS = 5
HALF, HALF_S = 0.5, 10.0
LIKES_PER_S = 20

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
        (tmp_path / "page.json").write_bytes(page)
        load = partial(hammered, requests=paths, connections=CONNECTIONS, seconds=SECONDS)
        people = Liking(server, users, posts)
        rounds: list[tuple[Hammered, Hammered]] = []
        with bare(BARE, str(tmp_path / "page.json")) as (bare_id, bare_port):
            for _ in range(ROUNDS):
                with people.liking():
                    ours = load(server.process.pid, server.port)
                rounds.append((ours, load(bare_id, bare_port)))
        half_per_s = HALF * median(ours.per_s for ours, _ in rounds)
        pages: list[list[object]] = [["GET", path, None] for path in paths]
        with people.liking():
            waited_s = -waited_for_core_s(server.process.pid)
            half = flooded(server, pages, half_per_s, HALF_S, connections=FIRST_CONNECTIONS).total
            waited_s += waited_for_core_s(server.process.pid)

    compared = Compared(*zip(*rounds, strict=True))
    with capsys.disabled():
        print(
            f"\n{compared.told(f'pages of {len(page):,} B')}, {LIKES_PER_S} likes/s beside ours"
            f"\nat half of that, {half_per_s:,.0f} pages/s at their own pace for {HALF_S:.0f} s:"
            f" p50 {half['good_p50_ms']} ms, p99 {half['good_p99_ms']} ms, of which the client"
            f" itself took p50 {half['written_p50_ms']} ms, p99 {half['written_p99_ms']} ms until"
            f" it had written the request; {half['refused']} refused,"
            f" {half['sent'] - half['good']} of {half['sent']:,} not answered in time; the server"
            f" waited {waited_s / HALF_S:.1%} of the time for its core, which other programs had"
        )


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


class Liking:
    """People who like and post all the time, so that pages change while they are read."""

    def __init__(self, server: Serving, users: Sequence[int], posts: Sequence[int]) -> None:
        self._server = server
        self._users, self._posts = np.array(users), np.array(posts)
        self._rng = np.random.default_rng(1)

    @contextmanager
    def liking(self) -> Iterator[None]:
        """Have them do so until the end."""
        ended = threading.Event()
        thread = threading.Thread(target=self._work, args=[ended])
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _work(self, ended: threading.Event) -> None:
        os.sched_setaffinity(threading.get_native_id(), {CLIENT_CORE})
        with closing(http.client.HTTPConnection("127.0.0.1", self._server.port)) as connection:
            while not ended.wait(1 / LIKES_PER_S):
                user, post = str(self._rng.choice(self._users)), str(self._rng.choice(self._posts))
                write(connection, "/v1/likes", {"userId": user, "postId": post})
                if self._rng.random() < 1 / LIKES_PER_S:
                    write(connection, "/v1/posts", {"userId": user, "text": "meanwhile"})


def write(connection: http.client.HTTPConnection, path: str, body: object) -> None:
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    assert connection.getresponse().read()

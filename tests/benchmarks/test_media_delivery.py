"""A 100 kB image from a cache hit, beside a bare handler that answers with the same bytes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import numpy as np
import pytest

from tests.benchmarks.test_feed_pages import Hammered, hammered, pin
from tests.e2e.serving import Person, Serving, serving
from tests.e2e.uploads import post_media, uploaded
from tests.unit.server.pictures import noise

ROUNDS = 5
LEAST_SHARE = 0.60

BARE = """
import asyncio, sys, uvloop
from aiohttp import web

async def main():
    body = open(sys.argv[1], "rb").read()

    async def handle(request):
        return web.Response(body=body, headers={"Content-Type": "image/jpeg"})

    app = web.Application()
    app.router.add_get("/media/{key:.+}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

uvloop.run(main())
"""


@pytest.mark.timeout(600)
def test_an_image_from_the_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = Path(sys.executable).with_name("socialfeed")
    with serving(program, tmp_path / "data") as server:
        path = shown(server, server.sign_up("ann"), tmp_path)
        server.send("GET", path)
        image = server.send("GET", path)
        assert image.headers["X-Cache"] == "HIT"
        assert image.headers["Content-Type"] == "image/jpeg"
        assert 90_000 < len(image.body) < 110_000
        pin(server.process.pid)
        with bare(tmp_path, image.body) as bare_port:
            ours, theirs = rounds(server.port, bare_port, path)

    shares = [our.per_s / their.per_s for our, their in zip(ours, theirs, strict=True)]
    with capsys.disabled():
        print(
            f"\n{median(our.per_s for our in ours):,.0f} images/s of {len(image.body):,} B, p50"
            f" {median(our.p50_ms for our in ours):.2f} ms, p99"
            f" {median(our.p99_ms for our in ours):.2f} ms: {median(shares):.0%} of a bare handler"
            f" ({median(their.per_s for their in theirs):,.0f}/s; {min(shares):.0%} to"
            f" {max(shares):.0%} in {ROUNDS} rounds)"
        )
    assert median(shares) >= LEAST_SHARE


def rounds(port: int, bare_port: int, path: str) -> tuple[list[Hammered], list[Hammered]]:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(hammered(port, [path]))
        theirs.append(hammered(bare_port, [path]))
    return ours, theirs


def shown(server: Serving, owner: Person, tmp_path: Path) -> str:
    """Post a picture that hardly compresses; returns the path of its media when it is ready."""
    noise(np.random.default_rng(1), 387, 387).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    media_url = uploaded(server, owner, data, content_type="image/png")
    post_id = post_media(server, owner, media_url).json["postId"]
    while True:
        post = server.send("GET", f"/v1/posts/{post_id}", token=owner.token).json
        if post["media"]["state"] == "ready":
            return urlsplit(media_url).path
        time.sleep(0.1)


@contextmanager
def bare(folder: Path, image: bytes) -> Iterator[int]:
    """Serve the same bytes with nothing behind them; yields the port."""
    (folder / "image").write_bytes(image)
    command = [sys.executable, "-c", BARE, str(folder / "image")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        pin(process.pid)
        try:
            yield port
        finally:
            process.terminate()

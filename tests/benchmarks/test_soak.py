"""Half of what the server can do, for long: does anything grow?

`--soak-s 1800` runs for as long as that. `--soak-rate 500` sends so many requests a second instead,
where other programs take the cores that were free when the knee was looked for.
"""

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from server.adapters.sqlite.database import CACHE_KIB
from server.adapters.sqlite.stores import CONNECTIONS
from tests.benchmarks.test_overload import STEP_S, flooded, found_knee, mixture
from tests.benchmarks.worlds import CLIENT_CORE, known, pin
from tests.e2e.serving import Serving, serving
from tests.e2e.sockets import resident_bytes

# 230,000 posts: more than the caches of posts (50,000) and of likes (200,000) hold, so that both
# can be full when the soak begins. With 60,000 posts they were filling for all of half an hour.
WORLD = ("--users", "1000", "--set", "activity.followers.mean=50", "--days", "2300")
SHARE = 0.5
FLOOD_PER_S = 10_000.0
EVERY_S = 2.0
# Of those that would be taken in no time.
LEAST_SAMPLES = 0.5
PAGES, PAGE = 8, 100
# One in so many posts may be liked: each draw goes through all of them.
LIKED_OF = 40
# What the second half may add to the memory beside what SQLite takes: it caches the pages of a file
# that grows, up to CACHE_KIB a connection, and tells exactly how much that is.
GROWTH, GROWTH_BYTES = 0.03, 5_000_000
# Pages, and what SQLite has for each and for its statements.
LARGEST_SQLITE_BYTES = 1.1 * CONNECTIONS * CACHE_KIB * 1024
# Caches that are full at the start, so that nothing that grows hides behind them.
FULL = ("feed_cache", "likes_cache", "post_cache")
FULL_SHARE = 0.97
LARGEST_LOG_BYTES = 64_000_000
MB = 1e6


@dataclass(frozen=True)
class Sample:
    """The server at a moment."""

    at_s: float
    resident_bytes: int
    open_files: int
    log_bytes: int
    queued_events: float
    cache_bytes: Mapping[str, float]

    @property
    def beside_sqlite_bytes(self) -> float:
        """Its memory without what SQLite tells of."""
        return self.resident_bytes - self.cache_bytes["sqlite"]


@pytest.mark.timeout(7_200)
def test_soak(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    program = Path(sys.executable).with_name("socialfeed")
    seconds = request.config.getoption("--soak-s")
    subprocess.run(
        [program, "populate", *WORLD, "--feeds", "hybrid", "--data", tmp_path], check=True
    )
    users, posts = known(tmp_path)
    requests = mixture(users, posts[::LIKED_OF])
    with serving(program, tmp_path, "--open") as server:
        pin(server.process.pid)
        fill_caches(server, users)
        rate_per_s = request.config.getoption("--soak-rate")
        if rate_per_s is None:
            knee_per_s, _ = found_knee(server, requests)
            rate_per_s = SHARE * knee_per_s
        else:
            # As beyond the knee: the memory of as many connections as there may be.
            flooded(server, requests, FLOOD_PER_S, STEP_S)
        samples, seen = soaked(server, tmp_path, requests, rate_per_s=rate_per_s, seconds=seconds)

    half = samples[len(samples) // 2 :]
    grown_bytes = growth([(each.at_s, each.beside_sqlite_bytes) for each in half])
    with capsys.disabled():
        print(
            f"\n{rate_per_s:,.0f} requests/s for {seconds:.0f} s:"
            f" {seen['sent']:,} sent, {seen['good']:,} good, {seen['refused']} refused,"
            f" {seen['failed']} failed; p50 {seen['good_p50_ms']} ms,"
            f" p99 {seen['good_p99_ms']} ms"
        )
        show(samples)
        print(
            f"the second half adds {grown_bytes / MB:+.1f} MB to"
            f" {half[0].beside_sqlite_bytes / MB:.0f} MB beside SQLite's, which go from"
            f" {half[0].cache_bytes['sqlite'] / MB:.1f} MB to"
            f" {half[-1].cache_bytes['sqlite'] / MB:.1f} MB; open files"
            f" {min(e.open_files for e in half)} to {max(e.open_files for e in half)}; logs at most"
            f" {max(e.log_bytes for e in samples) / MB:.0f} MB; events in the queue at most"
            f" {max(e.queued_events for e in samples):.0f}"
        )
    assert len(samples) > LEAST_SAMPLES * seconds / EVERY_S
    assert grown_bytes < GROWTH * half[0].beside_sqlite_bytes + GROWTH_BYTES
    assert max(each.cache_bytes["sqlite"] for each in samples) < LARGEST_SQLITE_BYTES
    for cache in FULL:
        assert samples[0].cache_bytes[cache] > FULL_SHARE * samples[-1].cache_bytes[cache]
    assert max(each.log_bytes for each in samples) < LARGEST_LOG_BYTES
    assert seen["failed"] == 0


def show(samples: Sequence[Sample]) -> None:
    """Print what was seen, at some fifteen moments."""
    caches = sorted(samples[0].cache_bytes)
    heads = "".join(f" {cache:>11}" for cache in caches)
    print(f"{'minute':>6} {'resident_mb':>11}{heads} {'files':>6} {'log_mb':>6} {'queued':>6}")
    for each in samples[:: max(len(samples) // 15, 1)]:
        held = "".join(f" {each.cache_bytes[cache] / MB:11.1f}" for cache in caches)
        print(
            f"{each.at_s / 60:6.1f} {each.resident_bytes / MB:11.1f}{held} {each.open_files:6}"
            f" {each.log_bytes / MB:6.1f} {each.queued_events:6.0f}"
        )


def fill_caches(server: Serving, users: Sequence[int]) -> None:
    """Read all posts of every user, then every feed from its first page to its 800th entry."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        for user in users:
            read(connection, f"/v1/users/{user}/posts", pages=None)
        for user in users:
            read(connection, f"/v1/feeds/{user}", pages=PAGES)


def read(connection: http.client.HTTPConnection, path: str, *, pages: int | None) -> None:
    """Read a list, or so many pages of it."""
    cursor = ""
    for _ in count() if pages is None else range(pages):
        connection.request("GET", f"{path}?limit={PAGE}{cursor}")
        found = json.loads(connection.getresponse().read())
        if found["nextCursor"] is None:
            break
        cursor = f"&cursor={found['nextCursor']}"


def soaked(
    server: Serving,
    folder: Path,
    requests: list[list[object]],
    *,
    rate_per_s: float,
    seconds: float,
) -> tuple[list[Sample], dict[str, float]]:
    """Send requests at a rate for a time, and look at the server meanwhile."""
    client = Path(__file__).with_name("flood.py")
    on_its_core = ["taskset", "-c", str(CLIENT_CORE), sys.executable, str(client)]
    arguments = [str(server.port), str(rate_per_s), str(seconds)]
    told, asked = folder / "flood.out", folder / "flood.in"
    asked.write_text(json.dumps(requests))
    samples = []
    with (
        asked.open() as stdin,
        told.open("w") as stdout,
        subprocess.Popen([*on_its_core, *arguments], stdin=stdin, stdout=stdout) as process,
    ):
        started_s = time.monotonic()
        while process.poll() is None:
            sample = sampled(server, folder, time.monotonic() - started_s)
            if sample:
                samples.append(sample)
            time.sleep(EVERY_S)
    assert process.returncode == 0
    return samples, json.loads(told.read_text().splitlines()[-1])


def sampled(server: Serving, folder: Path, at_s: float) -> Sample | None:
    """Look at the server; None if it has no time for that, as for any other request."""
    try:
        reply = server.send("GET", "/metrics")
    except TimeoutError:
        return None
    if reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return None
    text = reply.body.decode()
    return Sample(
        at_s=at_s,
        resident_bytes=resident_bytes(server),
        open_files=len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())),
        log_bytes=sum(path.stat().st_size for path in folder.glob("*-wal")),
        queued_events=sum(by_box(text, "socialfeed_queue_depth").values()),
        cache_bytes=by_box(text, "socialfeed_cache_bytes"),
    )


def by_box(text: str, name: str) -> Mapping[str, float]:
    """Return a metric's values."""
    found = re.findall(rf'^{name}\{{box="(.*?)"\}} (\S+)$', text, re.MULTILINE)
    return {box: float(value) for box, value in found}


def growth(points: Sequence[tuple[float, float]]) -> float:
    """Return what a straight line through the points rises from the first to the last."""
    at_s, values = np.asarray(points).T
    slope, _ = np.polyfit(at_s, values, 1)
    return float(slope * (at_s[-1] - at_s[0]))

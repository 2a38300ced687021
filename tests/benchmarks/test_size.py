"""A large world: how fast it is made, the memory it takes, how soon and fast it is read."""

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.worlds import known
from tests.e2e.serving import Serving, serving
from tests.e2e.sockets import resident_bytes

# 100,000 users, 50 followers each on average, one post in ten days for each over 100 days.
WORLD = ("--users", "100K", "--set", "activity.followers.mean=50", "--days", "100")
FILLED = re.compile(r"(\d+) users, (\d+) follows, (\d+) posts")
FEEDS_READ = 10_000
READ_AGAIN = 2_000
RESTARTS = 5
# The targets: of memory, of a restart, and of the 99th percentiles.
READY_WITHIN_S = 2.0
RESIDENT_BYTES = 600e6
COLD_WITHIN_S, WARM_WITHIN_S = 0.020, 0.005


@pytest.mark.timeout(1_200)
def test_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = Path(sys.executable).with_name("socialfeed")
    data = tmp_path / "data"
    started_s = time.perf_counter()
    command: list[str | Path] = [program, "populate", *WORLD, "--feeds", "hybrid", "--data", data]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    populated_s = time.perf_counter() - started_s
    found = FILLED.search(done.stderr)
    assert found
    users, follows, posts = map(int, found.groups())

    ready_s = [seconds_to_ready(program, data) for _ in range(RESTARTS)]
    readers = np.random.default_rng(1).permutation(known(data)[0])[:FEEDS_READ].tolist()
    forget_files(data)
    with serving(program, data, "--open") as server:
        at_start_bytes = resident_bytes(server)
        cold_s = seconds_to_read(server, readers)
        warm_s = seconds_to_read(server, readers[-READ_AGAIN:])
        read_bytes = resident_bytes(server)

    with capsys.disabled():
        print(
            f"\n{users:,} users, {follows:,} follows, {posts:,} posts and all feeds in"
            f" {populated_s:.1f} s: {follows / populated_s:,.0f} edges/s, start to end"
            f"\nready after {np.median(ready_s):.2f} s ({min(ready_s):.2f} to {max(ready_s):.2f} s"
            f" in {RESTARTS} starts)"
            f"\nresident {at_start_bytes / 1e6:.0f} MB at the start,"
            f" {read_bytes / 1e6:.0f} MB after {FEEDS_READ:,} feeds"
            f"\nfeed pages, nothing cached: {told(cold_s)}"
            f"\nthe last {READ_AGAIN:,} again: {told(warm_s)}"
        )
    assert np.median(ready_s) <= READY_WITHIN_S
    assert read_bytes <= RESIDENT_BYTES
    assert np.quantile(cold_s, 0.99) <= COLD_WITHIN_S
    assert np.quantile(warm_s, 0.99) <= WARM_WITHIN_S


def seconds_to_ready(program: Path, data: Path) -> float:
    started_s = time.perf_counter()
    with serving(program, data) as server:
        ready_s = time.perf_counter() - started_s
        server.stop()
    return ready_s


def forget_files(folder: Path) -> None:
    """Have the system forget what it has cached of the files: what is read comes from the disk."""
    for path in folder.glob("*.sqlite3*"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def seconds_to_read(server: Serving, readers: Sequence[int]) -> list[float]:
    """Read the first page of feeds, one after the other."""
    took_s = []
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        for reader in readers:
            started_s = time.perf_counter()
            connection.request("GET", f"/v1/feeds/{reader}")
            reply = connection.getresponse()
            reply.read()
            took_s.append(time.perf_counter() - started_s)
            assert reply.status == 200
    return took_s


def told(took_s: Sequence[float]) -> str:
    p50_ms, p99_ms, p999_ms = (1000 * np.quantile(took_s, q) for q in (0.5, 0.99, 0.999))
    return f"p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms, p99.9 {p999_ms:.1f} ms"

"""Half of what the server can do, for long: does anything grow?

`--soak-s 1800` runs for as long as that.
"""

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.test_overload import found_knee, mixture
from tests.benchmarks.worlds import CLIENT_CORE, known, pin
from tests.e2e.serving import Serving, serving
from tests.e2e.sockets import resident_bytes

# 60,000 posts: more than the cache of posts holds, so that it is full when the soak begins.
WORLD = ("--users", "1000", "--set", "activity.followers.mean=50", "--days", "600")
SHARE = 0.5
EVERY_S = 2.0
PAGES, PAGE = 8, 100
# What the second half may add to the memory.
GROWTH, GROWTH_BYTES = 0.03, 5_000_000
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
    requests_refused: float


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
    requests = mixture(users, posts)
    with serving(program, tmp_path, "--open") as server:
        pin(server.process.pid)
        fill_caches(server, users)
        knee_per_s, _ = found_knee(server, requests)
        rate_per_s = SHARE * knee_per_s
        samples, seen = soaked(server, tmp_path, requests, rate_per_s=rate_per_s, seconds=seconds)

    half = samples[len(samples) // 2 :]
    grown_bytes = growth([(each.at_s, each.resident_bytes) for each in half])
    with capsys.disabled():
        print(
            f"\n{rate_per_s:,.0f} requests/s, half of the knee, for {seconds:.0f} s:"
            f" {seen['sent']:,} sent, {seen['good']:,} good, {seen['refused']} refused,"
            f" {seen['failed']} failed; p50 {seen['good_p50_ms']} ms,"
            f" p99 {seen['good_p99_ms']} ms"
        )
        print(f"{'minute':>6} {'resident_mb':>11} {'files':>6} {'log_mb':>6} {'queued':>6}")
        for each in samples[:: max(len(samples) // 15, 1)]:
            print(
                f"{each.at_s / 60:6.1f} {each.resident_bytes / MB:11.1f} {each.open_files:6}"
                f" {each.log_bytes / MB:6.1f} {each.queued_events:6.0f}"
            )
        print(
            f"the second half adds {grown_bytes / MB:+.1f} MB to {half[0].resident_bytes / MB:.0f}"
            f" MB; open files {min(e.open_files for e in half)} to"
            f" {max(e.open_files for e in half)}; logs at most"
            f" {max(e.log_bytes for e in samples) / MB:.0f} MB; events in the queue at most"
            f" {max(e.queued_events for e in samples):.0f}"
        )
    assert grown_bytes < GROWTH * half[0].resident_bytes + GROWTH_BYTES
    assert max(each.log_bytes for each in samples) < LARGEST_LOG_BYTES
    assert seen["failed"] == 0


def fill_caches(server: Serving, users: Sequence[int]) -> None:
    """Read every feed from its first page to its 800th entry."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        for user in users:
            cursor = ""
            for _ in range(PAGES):
                connection.request("GET", f"/v1/feeds/{user}?limit={PAGE}{cursor}")
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
            samples.append(sampled(server, folder, time.monotonic() - started_s))
            time.sleep(EVERY_S)
    assert process.returncode == 0
    return samples, json.loads(told.read_text().splitlines()[-1])


def sampled(server: Serving, folder: Path, at_s: float) -> Sample:
    text = server.send("GET", "/metrics").body.decode()
    depths = re.findall(r"^socialfeed_queue_depth\{.*?\} (\S+)$", text, re.MULTILINE)
    refused = re.findall(r"^socialfeed_requests_refused_total\{.*?\} (\S+)$", text, re.MULTILINE)
    return Sample(
        at_s=at_s,
        resident_bytes=resident_bytes(server),
        open_files=len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())),
        log_bytes=sum(path.stat().st_size for path in folder.glob("*-wal")),
        queued_events=sum(map(float, depths)),
        requests_refused=sum(map(float, refused)),
    )


def growth(points: Sequence[tuple[float, float]]) -> float:
    """Return what a straight line through the points rises from the first to the last."""
    at_s, values = np.asarray(points).T
    slope, _ = np.polyfit(at_s, values, 1)
    return float(slope * (at_s[-1] - at_s[0]))

"""How many edges a second `socialfeed populate` writes."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

EDGES = re.compile(r"(\d+) follows")
TARGET_EDGES_PER_S = 100_000
LEAST_EDGES = 1_000_000


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("users", "followers"), [("10K", "50"), ("100K", "50")])
def test_populate(
    users: str, followers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = Path(sys.executable).with_name("socialfeed")
    world = ["--users", users, "--set", f"activity.followers.mean={followers}"]
    started_s = time.perf_counter()
    done = subprocess.run(
        [program, "populate", *world, "--data", tmp_path],
        check=True,
        capture_output=True,
        text=True,
    )
    took_s = time.perf_counter() - started_s
    found = EDGES.search(done.stderr)
    assert found
    with capsys.disabled():
        print(
            f"\n{done.stderr.strip().rpartition('/')[2]} in {took_s:.1f} s:"
            f" {int(found[1]) / took_s:,.0f} edges/s, from start to end of the program"
        )
    # A small world is mostly the start of the program.
    if int(found[1]) > LEAST_EDGES:
        assert int(found[1]) / took_s >= TARGET_EDGES_PER_S

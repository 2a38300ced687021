"""Percentiles of a load test beside those of wrk, a load generator in C, on the same server.

Both keep four requests in progress at all times, and the server's pace is known. Needs wrk
(Debian: `apt-get install wrk`) and a machine on which nothing else runs.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.load import flow, loadtest, toy_server

USERS = 4
DURATION_S = 15
SERVICE_S = 0.002
ONLY_READS = [
    word
    for name in ("posting_share", "likes", "comments", "follows", "unfollows")
    for word in ("--set", f"activity.{name}=0")
]
_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@pytest.mark.timeout(120)
@pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk")
def test_percentiles_agree_with_wrk(capsys: pytest.CaptureFixture[str]) -> None:
    program = Path(sys.executable).with_name("socialfeed")
    with toy_server("--service-s", str(SERVICE_S)) as url:
        code, document = loadtest(
            program,
            *("--host", url, "--world", "20", "--users", str(USERS), "--rate", "20000"),
            *("--duration", f"{DURATION_S}s", "--warmup", "2s", *ONLY_READS),
        )
        theirs = wrk(f"{url}/v1/feeds/1?limit=20")
    assert code == 0
    ours = flow(document, "read_feed")

    with capsys.disabled():
        print(f"\n{'':6}{'socialfeed':>12}{'wrk':>12}")
        for share in ("50", "99"):
            print(f"p{share:5}{ours[f'p{share}_s']:12.6f}{theirs[share]:12.6f}")
        print(f"{'per s':6}{document['achieved_per_s']:12.1f}{theirs['rate']:12.1f}")
    assert ours["p50_s"] == pytest.approx(theirs["50"], rel=0.1)
    assert ours["p99_s"] == pytest.approx(theirs["99"], rel=0.1)
    assert document["achieved_per_s"] == pytest.approx(theirs["rate"], rel=0.1)


def wrk(url: str) -> dict[str, float]:
    """Return wrk's percentiles in seconds, and its rate."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{USERS}", f"-d{DURATION_S}s", "--latency", url],  # noqa: S607
        capture_output=True,
        check=True,
        text=True,
    )
    found = re.findall(r"^ +(\d+)% +([\d.]+)(us|ms|s)$", done.stdout, flags=re.MULTILINE)
    rate = re.search(r"Requests/sec: +([\d.]+)", done.stdout)
    assert rate, done.stdout
    return {share: float(value) * _UNITS_S[unit] for share, value, unit in found} | {
        "rate": float(rate[1])
    }

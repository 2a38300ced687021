"""Our server and a bare one in turn under the same client: what the benchmarks over HTTP share."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.worlds import CLIENT_CORE, pin


@dataclass(frozen=True)
class Hammered:
    """What a client has seen, and what the server's process used meanwhile."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


@dataclass(frozen=True)
class Compared:
    """Rounds of both, in turn.

    Attributes:
        ours, theirs: of our server and of the bare one, round by round.
    """

    ours: Sequence[Hammered]
    theirs: Sequence[Hammered]

    def told(self, what: str) -> str:
        """Return it in words."""
        pairs = list(zip(self.ours, self.theirs, strict=True))
        shares = [our.per_s / their.per_s for our, their in pairs]
        cpu_shares = [their.cpu_us / our.cpu_us for our, their in pairs]
        return (
            f"{median(our.per_s for our in self.ours):,.0f} {what}/s, p50"
            f" {median(our.p50_ms for our in self.ours):.2f} ms, p99"
            f" {median(our.p99_ms for our in self.ours):.2f} ms: {median(shares):.0%} of a bare"
            f" handler ({median(their.per_s for their in self.theirs):,.0f}/s); by the CPU of a"
            f" request {median(cpu_shares):.0%}, {min(cpu_shares):.0%} to {max(cpu_shares):.0%} in"
            f" {len(pairs)} rounds ({median(our.cpu_us for our in self.ours):.0f} µs beside"
            f" {median(their.cpu_us for their in self.theirs):.0f} µs)"
        )


def hammered(
    process_id: int, port: int, requests: Sequence[str], *, connections: int, seconds: int
) -> Hammered:
    """Send requests as fast as they are answered; see `hammer.py` for how one is written."""
    client = Path(__file__).with_name("hammer.py")
    on_its_core = ["taskset", "-c", str(CLIENT_CORE), sys.executable, str(client)]
    cpu_s = -_cpu_s(process_id)
    done = subprocess.run(
        [*on_its_core, "127.0.0.1", str(port), str(connections), str(seconds)],
        input="\n".join(requests),
        text=True,
        check=True,
        capture_output=True,
    )
    cpu_s += _cpu_s(process_id)
    per_s, p50_ms, p99_ms, failed, sent = map(float, done.stdout.split())
    assert failed == 0
    return Hammered(per_s, p50_ms, p99_ms, cpu_us=cpu_s / sent * 1e6)


@contextmanager
def bare(program: str, *arguments: str) -> Iterator[tuple[int, int]]:
    """Run a bare server, which prints its port; yields its process id and the port."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        pin(process.pid)
        yield process.pid, port
        process.send_signal(signal.SIGTERM)


def _cpu_s(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

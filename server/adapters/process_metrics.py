"""What the system knows of the server's own process, by the names that Prometheus has for it.

Names: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics. The numbers of
fields are those of proc_pid_stat(5) and proc_pid_statm(5).
"""

import math
import os
import resource
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from server.adapters.metric_names import introduced

_PROC = Path("/proc")
_STARTED = 22
_THREADS = 20


def process_lines() -> Iterable[str]:
    """Return lines in the Prometheus text format; without `/proc`, only that of the CPU."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    values = {"process_cpu_seconds_total": own.ru_utime + own.ru_stime}
    if (_PROC / "self" / "stat").exists():
        values |= _in_proc()
    for name, value in sorted(values.items()):
        yield from introduced(name, "counter" if name.endswith("_total") else "gauge")
        yield f"{name} {_told(value)}"


def _told(value: float) -> str:
    return "+Inf" if value == math.inf else f"{value:.15g}"


def _in_proc() -> Mapping[str, float]:
    own = _PROC / "self"
    # The name before may have spaces and brackets in it; the first after it is the third.
    fields = (own / "stat").read_text().rpartition(")")[2].split()
    since_boot_s = int(fields[_STARTED - 3]) / os.sysconf("SC_CLK_TCK")
    virtual, resident, *_ = map(int, (own / "statm").read_text().split())
    page_bytes = resource.getpagesize()
    most_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_bounded = most_files != resource.RLIM_INFINITY
    return {
        "process_start_time_seconds": _boot_time_s() + since_boot_s,
        "process_threads": int(fields[_THREADS - 3]),
        "process_virtual_memory_bytes": virtual * page_bytes,
        "process_resident_memory_bytes": resident * page_bytes,
        # With the one that lists them, as Prometheus' own clients count.
        "process_open_fds": sum(1 for _ in (own / "fd").iterdir()),
        "process_max_fds": most_files if is_bounded else math.inf,
    }


@cache
def _boot_time_s() -> int:
    lines = (_PROC / "stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime "))

"""Which process runs on which core, and how busy it is; Linux only, elsewhere nothing is known."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the name: see proc_pid_stat(5).
_PARENT, _USER_TICKS, _SYSTEM_TICKS = 1, 11, 12


@dataclass(frozen=True, slots=True)
class Cores:
    """How cores are divided.

    Attributes:
        server: for the server; empty if it may run anywhere.
        generator: for the generators; likewise.
    """

    server: frozenset[int]
    generator: frozenset[int]


def divided_cores(generators: int) -> Cores:
    """Return one core for the server and the others for the generators; none if there is but one.

    Never more cores than generators: the rest is left to what else runs.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(allowed) <= 1:
        return Cores(frozenset(), frozenset())
    return Cores(frozenset(allowed[:1]), frozenset(allowed[1 : 1 + generators]))


def own_place() -> Mapping[str, object]:
    """Return which machine this process runs on, and on which of its cores; for `Report`s."""
    machine = _BOOT.read_text().strip() if _BOOT.exists() else platform.node()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return {"machine": machine, "cores": cores}


_BOOT = _PROC / "sys" / "kernel" / "random" / "boot_id"


def pin(process: int, cores: frozenset[int]) -> None:
    """Keep a process, and what it starts from now on, on these cores; anywhere if none."""
    if cores:
        os.sched_setaffinity(process, cores)


def cpu_s(processes: Sequence[int]) -> float | None:
    """Return the CPU time that these processes and their children have used; None if unknown."""
    rows = {row[0]: row for row in _rows()} if _PROC.is_dir() else {}
    found = [process for process in processes if process in rows]
    if not found:
        return None
    total = 0.0
    while found:
        process = found.pop()
        total += rows[process][2]
        found += [row[0] for row in rows.values() if row[1] == process]
    return total


def _rows() -> list[tuple[int, int, float]]:
    """Return (process, parent, CPU seconds) of every process."""
    rows = []
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            # It has ended meanwhile.
            continue
        used_s = (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS_PER_S
        rows.append((int(folder.name), int(fields[_PARENT]), used_s))
    return rows


def processor() -> str:
    """Return what the machine calls its processor, and how many cores it has of it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return f"{len(names)} x {names[0]}" if names else platform.machine()

"""A run that is cut short leaves nothing half-written, and says with its exit code how it ended."""

import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

# Simulated within seconds.
TOWN = Path(__file__).parents[1] / "unit" / "estimates" / "round_town.toml"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_its_code_and_leaves_nothing(
    tmp_path: Path, program: Path, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "report"
    run = subprocess.Popen(
        [program, "simulate", "--dau", "500M", "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for_children(run.pid)

    children = _children(run.pid)
    run.send_signal(number)
    stdout, stderr = run.communicate(timeout=20)

    assert run.returncode == code
    assert "Traceback" not in stderr
    assert stdout == ""
    assert list(tmp_path.iterdir()) == []
    # The last of them ends when it notices that the run has.
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_full_disk_ends_with_1_and_leaves_nothing(tmp_path: Path, program: Path) -> None:
    out = tmp_path / "report"

    run = subprocess.run(
        [program, "simulate", str(TOWN), "--dau", "5K", "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        # No file may grow past 100 kB: to the program, what a full disk is.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )

    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def _wait_for_children(pid: int) -> None:
    """Wait until the run has started the processes that simulate."""
    for _ in range(200):
        if len(_children(pid)) > 1:
            return
        time.sleep(0.05)
    pytest.fail("the simulation did not start its processes")


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()

"""The installed program, run as its users run it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.program import RunProgram


@pytest.fixture(scope="session")
def program() -> Path:
    """The `socialfeed` command of the environment that runs the tests."""
    return Path(sys.executable).with_name("socialfeed")


@pytest.fixture
def run_socialfeed(program: Path, tmp_path: Path) -> RunProgram:
    """Run `socialfeed` with these arguments in an empty folder, and return what it printed."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run

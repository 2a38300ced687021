"""Load tests as a user runs them, against servers of which everything is known."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SMALL = ("--world", "40", "--warmup", "500ms")
"""A test that is over soon."""

TOY = ROOT / "tests" / "fakes" / "feed_server.py"


@contextmanager
def toy_server(*options: str) -> Iterator[str]:
    """Run the toy server; yields its URL."""
    command = [sys.executable, str(TOY), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield str(json.loads(process.stdout.readline())["url"])
        finally:
            process.kill()


def loadtest(program: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Run a load test; returns its exit code and its document, which is empty if there is none."""
    done = subprocess.run(
        [program, "loadtest", "--json", *options], capture_output=True, text=True, check=False
    )
    assert done.stdout or done.returncode, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def flow(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one flow of a document."""
    return next(row for row in document["flows"] if row["flow"] == name)


def objective(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one objective of a document."""
    return next(row for row in document["objectives"] if row["name"] == name)

"""README.md: the tour of the server runs as it stands there, and prints what stands there."""

import os
import re
import socket
import subprocess
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def pattern(shown: str) -> str:
    """Return the expression for a line that is shown, where … stands for anything."""
    return ".*".join(map(re.escape, shown.split("…")))


def test_every_command_of_the_tour_works_and_prints_what_is_shown(
    program: Path, tmp_path: Path
) -> None:
    text = README.read_text(encoding="utf-8")
    block = re.search(r"<!-- tour -->\n```bash\n(.*?)```\n<!-- /tour -->", text, re.DOTALL)
    assert block
    # Another server may have the port that people use.
    script = block[1].replace("8080", str(free_port()))
    path = f"{program.parent}{os.pathsep}{os.defpath}"

    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-m", "-c", script],
        cwd=tmp_path,
        env={"PATH": path, "PYTHONPATH": str(README.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.findall(r"^#> (.*)$", script, re.MULTILINE)
    printed = done.stdout.splitlines()
    assert len(printed) == len(shown), done.stdout
    for line, expected in zip(printed, shown, strict=True):
        assert re.fullmatch(pattern(expected), line)

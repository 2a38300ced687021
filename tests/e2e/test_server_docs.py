"""docs/server.md: its tour runs as it stands there."""

import os
import re
import socket
import subprocess
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "server.md"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_every_command_of_the_tour_works(program: Path, tmp_path: Path) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    block = re.search(r"<!-- tour -->\n```bash\n(.*?)```\n<!-- /tour -->", text, re.DOTALL)
    assert block
    # Another server may have the port that people use.
    script = block[1].replace("8080", str(free_port()))
    path = f"{program.parent}{os.pathsep}{os.defpath}"

    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-m", "-c", script],
        cwd=tmp_path,
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"text": "Hello, feed"' in done.stdout
    assert '"kind": "comment"' in done.stdout

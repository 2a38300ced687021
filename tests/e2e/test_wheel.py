"""The wheel in an empty environment, so that no module and no data file is missing from it."""

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DATA_FILES = {
    path.relative_to(CHECKOUT).as_posix()
    for path in (
        *(CHECKOUT / "server" / "gateway" / "page").iterdir(),
        CHECKOUT / "server" / "demo" / "world.toml",
    )
}


def pip(python: Path | str, *arguments: str | Path) -> None:
    """Run pip for this interpreter; what it says is shown if it fails."""
    command = [python, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_installed_wheel_estimates_from_any_folder(tmp_path: Path) -> None:
    wheels, environment, elsewhere = (tmp_path / name for name in ("wheels", "venv", "elsewhere"))
    elsewhere.mkdir()
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", wheels, CHECKOUT)
    venv.create(environment, with_pip=True)
    [wheel] = wheels.glob("socialfeed-*.whl")
    # Only what is run is compiled, then.
    pip(environment / "bin" / "python", "install", "--no-compile", wheel)

    done = subprocess.run(
        [environment / "bin" / "socialfeed", "estimate", "--json"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(wheel) as packed:
        assert set(packed.namelist()) >= DATA_FILES
    names = {estimate["name"] for estimate in json.loads(done.stdout)["estimates"]}
    assert {"posts_per_day", "post_bytes_per_day", "cache_bytes"} <= names

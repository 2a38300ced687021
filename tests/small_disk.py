"""A disk so small that it is full in a moment."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BLOCK_BYTES = 65_536


@contextmanager
def mounted(folder: Path, *, size_bytes: int) -> Iterator[Path]:
    """Mount a disk there; the test is skipped where that cannot be done."""
    folder.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", f"size={size_bytes}", "none", str(folder)]
    if not mount or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("disks cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run([str(shutil.which("umount")), "--lazy", str(folder)], check=True)


def fill(disk: Path, *, but_bytes: int = 0) -> Path:
    """Fill a disk to its last byte, or leave some, and return the file that does it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (BLOCK_BYTES, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
        file.truncate(file.tell() - but_bytes)
    return filler

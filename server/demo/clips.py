"""Short clips that ffmpeg makes of its own sources, without any input."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import imageio_ffmpeg

from server.demo.world import Look

CLIP_S = 6
# Some are slow to draw; none may hold up the start of a server for longer.
MOST_S = 60

_SIZE = "1280:720"
# Soft as they are, these look the same drawn small.
_SOFT = "s=640x360:r=24:n=4"
_SOURCES: Mapping[str, str] = {
    "tide": (
        f"gradients={_SOFT}:speed=0.012:seed={{seed}}"
        f":c0=0x0e2a3a:c1=0x2e6f78:c2=0xf0b27a:c3=0xf7e3c4,scale={_SIZE}"
    ),
    "dusk": (
        f"gradients={_SOFT}:speed=0.008:seed={{seed}}:type=radial"
        f":c0=0xf3c98b:c1=0xa9574a:c2=0x3a2440:c3=0x120d1f,scale={_SIZE}"
    ),
    "cells": (
        "life=s=320x180:r=12:mold=12:ratio=0.28:seed={seed}"
        ":life_color=0xf1e9d2:death_color=0x1b5b4f:mold_color=0x10312b,"
        f"scale={_SIZE}:flags=neighbor"
    ),
}


async def film(look: Look, file: Path) -> None:
    """Make a silent clip of that look, an H.264 file that starts to play before it is whole.

    Raises:
        OSError: if ffmpeg cannot make it.
        TimeoutError: if it takes too long.
    """
    process = await asyncio.create_subprocess_exec(
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-hide_banner", "-loglevel", "error", "-y"),
        *("-f", "lavfi", "-i", _SOURCES[look.name].format(seed=look.seed)),
        *("-t", str(CLIP_S), "-c:v", "libx264", "-preset", "veryfast", "-crf", "24"),
        *("-pix_fmt", "yuv420p", "-threads", "1", "-movflags", "+faststart", str(file)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(MOST_S):
            _, complaint = await process.communicate()
    finally:
        # Nobody waits for what is given up.
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        message = f"no clip {file.name}: {complaint.decode(errors='replace').strip()}"
        raise OSError(message)

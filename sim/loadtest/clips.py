"""Clips to upload, made by ffmpeg of its own sources."""

import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg

CONTENT_TYPE = "video/mp4"
BITS_PER_S = 12_000_000
"""What phones record 720p at."""

_MOST_S = 120
# A pattern that moves, with as much grain as makes its renditions cost what those of a film do.
_PICTURE = "testsrc2=s=1280x720:r=25,noise=alls=3:allf=t"


def clip(seconds: float) -> bytes:
    """Return an MP4 of 720p and a tone that lasts so long.

    Raises:
        subprocess.SubprocessError: if ffmpeg cannot make it.
    """
    with tempfile.TemporaryDirectory(prefix="socialfeed-clip-") as folder:
        path = Path(folder, "clip.mp4")
        rate = str(BITS_PER_S)
        command = [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error"),
            *("-f", "lavfi", "-i", _PICTURE, "-f", "lavfi", "-i", "sine", "-t", str(seconds)),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
            *("-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-c:a", "aac"),
            *("-threads", "1", str(path)),
        ]
        subprocess.run(  # noqa: S603 - no shell, and nothing of it comes from outside
            command, check=True, timeout=_MOST_S, stdin=subprocess.DEVNULL, capture_output=True
        )
        return path.read_bytes()

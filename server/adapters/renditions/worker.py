"""The process that renders one file: low priority, bounded memory and CPU, no more than its folder.

A process for each file: what a damaged file does to a decoder ends with it. Its standard input is a
pipe from the server; when that is gone, so are this process and the ffmpeg that it has started.
"""

import os
import resource
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import orjson

from server.adapters.renditions.images import render_image
from server.adapters.renditions.limits import RenderLimits
from server.adapters.renditions.videos import render_video
from server.errors import UnrenderableError
from server.ports.transcoder import UNWRITABLE_DISK, Rendered

UNRENDERABLE = 3
DISK_TO_BLAME = 4


def main() -> None:
    """Render what the first line of standard input asks for; the answer is a line of JSON."""
    asked = orjson.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    limits = RenderLimits(**asked["limits"])
    _hold_to(limits)
    try:
        rendered = render(Path(asked["source"]), asked["content_type"], Path(asked["into"]), limits)
    except UnrenderableError as error:
        _end(UNRENDERABLE, {"reason": error.reason})
    except OSError as error:
        if error.errno not in UNWRITABLE_DISK:
            raise
        _end(DISK_TO_BLAME, {"reason": error.strerror})
    _end(0, asdict(rendered))


def render(source: Path, content_type: str, into: Path, limits: RenderLimits) -> Rendered:
    """Make the renditions of a file: a path in, files out.

    Raises:
        UnrenderableError: if the file is to blame.
        OSError: if the disk is full, or fails.
    """
    if content_type.startswith("image/"):
        return render_image(source, content_type, into, limits)
    return render_video(source, content_type, into, limits)


def _hold_to(limits: RenderLimits) -> None:
    """Bound this process and those that it starts."""
    for which, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (most, most))
    # A signal of its own first, so that this limit can be told from other ends.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))


def _end_with_the_server() -> None:
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


def _end(code: int, answer: object) -> NoReturn:
    sys.stdout.buffer.write(orjson.dumps(answer))
    sys.stdout.buffer.flush()
    # Not through the interpreter's end, which would wait for the thread that reads.
    os._exit(code)


if __name__ == "__main__":
    main()

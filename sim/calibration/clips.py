"""Clips: what the renditions of a video take at the media processor, by how long it is."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from scenarios.calibration import Clips
from sim.calibration.batches import Batches, batch_cost
from sim.calibration.calls import Calls
from sim.calibration.errors import NoClipsError
from sim.calibration.threads import ThreadTimes
from sim.calibration.yardstick import yardstick
from sim.loadtest.api import Api
from sim.loadtest.bench import Bench
from sim.loadtest.clips import CONTENT_TYPE, clip

LENGTHS_S = (1.0, 5.0, 1.0, 5.0)
"""Of the clips: two lengths tell the start from the seconds."""

WITHIN_S = 120.0
"""Of one clip's upload to its renditions."""

TIMEOUT_S = 10.0
_EVERY_S = 0.1
_QUIET_S = 1.5
"""No picture's renditions take so long on an idle machine."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """CPU seconds that the renditions of clips have taken, one after the other.

    Attributes:
        yardstick_s: of the machine meanwhile.
    """

    used_s: Sequence[float]
    yardstick_s: float

    def at_usual_speed(self, yardstick_s: float) -> Sequence[float]:
        """Return what a machine would have used that takes this for the fixed piece of work."""
        return [each_s * yardstick_s / self.yardstick_s for each_s in self.used_s]


def rendered_clips(bench: Bench) -> Rendered:
    """Return what clips of `LENGTHS_S` take that are uploaded to a server of one's own.

    It is the CPU of the processes that the server has started and that have ended.

    Raises:
        NoClipsError: if one cannot be made, or is not rendered in time.
        LoadTestError: if the server does not answer.
    """
    contents = _made(LENGTHS_S)
    with yardstick(bench.cores.server) as pace:
        _await_quiet(bench)
        used_s = [_rendered(bench, contents[length_s]) for length_s in LENGTHS_S]
    return Rendered(used_s, pace.median_s)


def clips_of(lengths_s: Sequence[float], used_s: Sequence[float]) -> Clips:
    """Return the start and the cost of a second that explain best what clips have taken."""
    cost = batch_cost(
        [
            Batches(number=1, visits=length_s, total_s=total_s)
            for length_s, total_s in zip(lengths_s, used_s, strict=True)
        ]
    )
    if not cost.visit_s:
        raise NoClipsError(reason=f"those of {lengths_s} s have taken {used_s} s, all alike")
    return Clips(
        start_s=cost.batch_s,
        per_second_s=cost.visit_s,
        lengths_s=tuple(lengths_s),
        used_s=tuple(used_s),
    )


def _made(lengths_s: Sequence[float]) -> Mapping[float, bytes]:
    try:
        return {length_s: clip(length_s) for length_s in set(lengths_s)}
    except (OSError, subprocess.SubprocessError) as error:
        raise NoClipsError(reason=f"ffmpeg does not make them ({error})") from error


def _await_quiet(bench: Bench) -> None:
    """Wait until the renditions of the last load are made."""
    until_s = time.monotonic() + WITHIN_S
    before_s, now_s = -1.0, _children_s(bench)
    while now_s > before_s:
        if time.monotonic() > until_s:
            raise NoClipsError(reason=f"the server still makes renditions after {WITHIN_S:g} s")
        time.sleep(_QUIET_S)
        before_s, now_s = now_s, _children_s(bench)


def _children_s(bench: Bench) -> float:
    assert bench.server is not None  # noqa: S101 - only a server of one's own tells its processes
    return ThreadTimes.of(bench.server.process.pid).children_s


def _rendered(bench: Bench, content: bytes) -> float:
    """Return the CPU seconds of a clip's renditions."""
    before_s = _children_s(bench)
    path = _uploaded(bench, content)
    until_s = time.monotonic() + WITHIN_S
    # Once a rendition is sent in place of the original, all of them are made.
    while _size_of(bench, path) == len(content):
        if time.monotonic() > until_s:
            raise NoClipsError(reason=f"no rendition of one after {WITHIN_S:g} s")
        time.sleep(_EVERY_S)
    return _children_s(bench) - before_s


def _uploaded(bench: Bench, content: bytes) -> str:
    """Return the path that the clip is served under."""
    calls = Calls(bench.world, posts_per_page=1, text_characters=1)
    asked = calls.upload(0, size_bytes=len(content), content_type=CONTENT_TYPE)
    with Api(bench.url) as api:
        signed = api.expect(asked.method, asked.path, asked.body, token=asked.token)
    target = urlsplit(signed["uploadUrl"])
    there = f"{target.path}?{target.query}"
    status, _ = _sent(bench, "PUT", there, content=content, headers=signed["headers"])
    if status >= _NOT_OK:
        raise NoClipsError(reason=f"the upload was answered with {status}")
    return urlsplit(str(signed["mediaUrl"])).path


_NOT_OK = 300


def _size_of(bench: Bench, path: str) -> int:
    return _sent(bench, "HEAD", path)[1]


def _sent(
    bench: Bench,
    method: str,
    path: str,
    *,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, int]:
    """Return the status of an answer, and the length that it tells."""
    parts = urlsplit(bench.url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, content, dict(headers or {}))
        answer = connection.getresponse()
        answer.read()
        return answer.status, int(answer.getheader("Content-Length") or 0)
    except (OSError, HTTPException) as error:
        raise NoClipsError(reason=f"no answer to {method} {path} ({error})") from error
    finally:
        connection.close()

"""Renditions made in processes of their own, a bounded number at once."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import orjson

from server.adapters.renditions.limits import RenderLimits
from server.adapters.renditions.worker import DISK_TO_BLAME, UNRENDERABLE
from server.errors import RenditionFailedError, StorageError, UnrenderableError
from server.ports.transcoder import Rendered, RenderedFile

_WORKER = "server.adapters.renditions.worker"
_REASON_CHARACTERS = 300
LOWEST_PRIORITY = 19


class ProcessTranscoder:
    """Keeps the port `Transcoder`; `workers` is how many files are rendered at once."""

    def __init__(self, *, workers: int, limits: RenderLimits | None = None) -> None:
        self._limits = limits or RenderLimits()
        self._free = asyncio.Semaphore(workers)
        self._running: set[asyncio.subprocess.Process] = set()

    @property
    def running(self) -> int:
        """How many files are being rendered."""
        return len(self._running)

    @property
    def processes(self) -> Sequence[int]:
        """The ids of the processes that render."""
        return [process.pid for process in self._running]

    async def render(self, source: Path, content_type: str, into: Path) -> Rendered:
        """Make the renditions of a file in a folder that is there and empty."""
        asked = {
            "source": str(source),
            "content_type": content_type,
            "into": str(into),
            "limits": asdict(self._limits),
        }
        async with self._free:
            code, answer, complaint = await self._run(orjson.dumps(asked) + b"\n")
        if code == UNRENDERABLE:
            raise UnrenderableError(reason=orjson.loads(answer)["reason"])
        if code == DISK_TO_BLAME:
            raise StorageError(reason=orjson.loads(answer)["reason"])
        if code == 0:
            return _rendered(answer)
        raise self._ended(code, complaint)

    async def close(self) -> None:
        """End what is being made."""
        for process in list(self._running):
            _kill(process)
            await process.wait()

    async def _run(self, asked: bytes) -> tuple[int, bytes, bytes]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", _WORKER),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # No secret of this process is in the environment of what decodes strangers' files.
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            # A group of its own, with the ffmpeg that it starts, to be ended as one.
            start_new_session=True,
        )
        _give_way(process.pid)
        self._running.add(process)
        try:
            async with asyncio.timeout(self._limits.wall_s):
                return await _talk(process, asked)
        except TimeoutError as error:
            reason = f"it took more than {self._limits.wall_s:g} s"
            raise UnrenderableError(reason=reason) from error
        finally:
            _kill(process)
            await process.wait()
            self._running.discard(process)

    def _ended(self, code: int, complaint: bytes) -> Exception:
        if code == -signal.SIGXCPU:
            return UnrenderableError(reason=f"it took more than {self._limits.cpu_s} s of CPU")
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        if last.startswith("MemoryError"):
            return UnrenderableError(reason="it takes more memory than it may")
        return RenditionFailedError(
            reason=f"the worker ended with {code}: {last[-_REASON_CHARACTERS:]}"
        )


async def _talk(process: asyncio.subprocess.Process, asked: bytes) -> tuple[int, bytes, bytes]:
    """Ask, and return how the process ended; its input stays open until then."""
    assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018 - for the type checker
    # One that has ended before it was asked tells why by its code and its complaint.
    with suppress(ConnectionError):
        process.stdin.write(asked)
        await process.stdin.drain()
    answer, complaint, code = await asyncio.gather(
        process.stdout.read(), process.stderr.read(), process.wait()
    )
    return code, answer, complaint


def _give_way(process_id: int) -> None:
    """Have a process, and what it starts, run where nobody else wants the core.

    From here, since its imports alone take as much as a small picture. And in two ways, since Linux
    may weigh sessions, of which this process has one of its own, before it looks at the priorities
    in them; see sched(7), "The autogroup feature".
    """
    # It may have ended.
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, process_id, LOWEST_PRIORITY)
    # Not everywhere, and now and then refused to who asks for it often.
    with suppress(OSError):
        Path(f"/proc/{process_id}/autogroup").write_text(str(LOWEST_PRIORITY))


def _kill(process: asyncio.subprocess.Process) -> None:
    # It may have ended, with all that it had started.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _rendered(answer: bytes) -> Rendered:
    told = orjson.loads(answer)
    files = tuple(RenderedFile(**each) for each in told.pop("files"))
    return Rendered(files=files, **told)

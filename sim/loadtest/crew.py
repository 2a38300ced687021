"""The load generators' processes: started, listened to, stopped."""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.loadtest.address import Address
from sim.loadtest.cores import pin
from sim.loadtest.errors import GeneratorError
from sim.loadtest.plan import Load, Plan
from sim.loadtest.tied import tied

_LOCUSTFILE = Path(__file__).parent / "driver" / "locustfile.py"
_ROOT = Path(__file__).parents[2]
"""Where `sim` is: Locust is run from here, so that it finds it."""

_KILL_AFTER_S = 1.0
_LOG_CHARACTERS = 2_000

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Staffing:
    """Which processes generate the load.

    Attributes:
        processes: generators.
        master: where generators on other machines join; None to start them here.
        web_port: of Locust's web page on 127.0.0.1; None for no page.
        cores: where they run; anywhere if empty.
    """

    processes: int = 1
    master: Address | None = None
    web_port: int | None = None
    cores: frozenset[int] = frozenset()


class Crew:
    """Generators that are running; `messages` yields what they tell."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: int, log: Path) -> None:
        self.process = process
        self._log = log
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._reader.start()

    def _read(self, pipe: int) -> None:
        # A thread, since a generator that finds the pipe full would stand still.
        with os.fdopen(pipe, encoding="utf-8") as lines:
            for line in lines:
                self._messages.put(json.loads(line))
        self._messages.put(None)

    def message(self, *, timeout_s: float) -> Message | None:
        """Return the next message, or None if there is none in time.

        Raises:
            EOFError: if the generators have ended, and all was told.
        """
        try:
            message = self._messages.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if message is None:
            self._messages.put(None)
            raise EOFError
        return message

    def stop(self) -> None:
        """Have them send nothing more, and tell what they have."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGUSR1)

    def failure(self) -> GeneratorError:
        """Return why they have ended early."""
        return GeneratorError(exit_code=self.process.wait(), output=self.log_text())

    def log_text(self) -> str:
        """Return the end of what Locust has logged."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-_LOG_CHARACTERS:]


@contextmanager
def running_crew(plan: Plan, staffing: Staffing) -> Iterator[Crew]:
    """Start generators for a plan; they are stopped at the end, if they still run."""
    with tempfile.TemporaryDirectory(prefix="socialfeed-") as folder:
        plan_file = Path(folder) / "plan"
        plan_file.write_bytes(plan.packed())
        log = Path(folder) / "log"
        reader, writer = os.pipe()
        command = _command(plan, staffing, plan_file, pipe=writer)
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program
                tied(command, by=signal.SIGTERM),
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(writer,),
                # Ctrl-C is ours: the generators are told to end in order.
                start_new_session=True,
            )
        os.close(writer)
        try:
            pin(process.pid, staffing.cores)
            yield Crew(process, reader, log)
        finally:
            end_group(process)


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it has started; nicely first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            process.kill()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _command(plan: Plan, staffing: Staffing, plan_file: Path, *, pipe: int) -> Sequence[str]:
    closed = plan.settings.load is Load.CLOSED
    users = plan.settings.users if closed else staffing.processes
    return [
        *_LOCUST,
        *("-f", str(_LOCUSTFILE), "ClosedUser" if closed else "OpenUser"),
        *("--users", str(users), "--spawn-rate", str(users)),
        *("--host", plan.settings.url, "--only-summary", "--stop-timeout", "1"),
        *_ui(staffing),
        *_roles(staffing),
        *("--socialfeed-plan", str(plan_file), "--socialfeed-pipe", str(pipe)),
    ]


_LOCUST = (sys.executable, "-m", "locust")


def _ui(staffing: Staffing) -> Sequence[str]:
    if staffing.web_port is None:
        return ("--headless",)
    return ("--autostart", "--web-host", "127.0.0.1", "--web-port", str(staffing.web_port))


def _roles(staffing: Staffing) -> Sequence[str]:
    if staffing.master is not None:
        address = staffing.master
        return (
            *("--master", "--expect-workers", str(staffing.processes)),
            *("--master-bind-host", address.host, "--master-bind-port", str(address.port)),
        )
    return ("--processes", str(staffing.processes)) if staffing.processes > 1 else ()


def work_for(master: Address) -> str:
    """Generate load for a master elsewhere until its run is over.

    Returns why it could not, or nothing.
    """
    with tempfile.TemporaryFile() as log:
        command = [
            *_LOCUST,
            *("-f", str(_LOCUSTFILE), "--worker"),
            *("--master-host", master.host, "--master-port", str(master.port)),
        ]
        process = subprocess.Popen(  # noqa: S603 - our own program
            tied(command, by=signal.SIGTERM),
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            if not process.wait():
                return ""
        finally:
            end_group(process)
        log.seek(0)
        return log.read().decode(errors="replace").strip()[-_LOG_CHARACTERS:]

"""Some requests of one's own beside a load, whose answers tell what each box did for them."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from sim.calibration.errors import NotMeteredError
from sim.calibration.telling import BoxTime, server_timing
from sim.loadtest.driver.calls import Calls, Request, flow_name
from sim.loadtest.plan import Plan

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One request.

    Attributes:
        response_s: from sending it to having the answer, without waiting for its turn.
        boxes: each call of a box.
    """

    flow: str
    response_s: float
    boxes: tuple[BoxTime, ...]


class Sampler:
    """Sends a plan's requests one at a time, each when it is due or as soon as the last is done.

    What fails is left out: the load generator counts errors.
    """

    def __init__(self, plan: Plan) -> None:
        parts = urlsplit(plan.settings.url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._calls = Calls(plan, authority=parts.netloc)
        self._schedule = plan.schedule
        self._stopping = threading.Event()
        self._unmetered: str | None = None
        self.samples: list[Sample] = []

    def run(self) -> None:
        """Send until all are sent, or the sampler is stopped."""
        begun_s = time.monotonic()
        due = zip(
            self._schedule.times_s.tolist(),
            self._schedule.flows.tolist(),
            self._schedule.actors.tolist(),
            self._schedule.subjects.tolist(),
            strict=True,
        )
        with socket.create_connection(self._address, timeout=TIMEOUT_S) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for time_s, flow, actor, subject in due:
                if self._stopping.wait(max(0.0, begun_s + time_s - time.monotonic())):
                    return
                self._ask(connection, Request(flow_name(flow), actor, subject))

    def stop(self) -> None:
        """Send nothing more."""
        self._stopping.set()

    def taken(self) -> Sequence[Sample]:
        """Return the samples.

        Raises:
            NotMeteredError: if an answer did not tell what its boxes used.
        """
        if self._unmetered is not None:
            raise NotMeteredError(found=self._unmetered)
        return self.samples

    def _ask(self, connection: socket.socket, asked: Request) -> None:
        begun_s = time.monotonic()
        connection.sendall(self._calls.request(asked))
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        answer.read()
        response_s = time.monotonic() - begun_s
        if not _OK <= answer.status < _NOT_OK:
            return
        header = answer.getheader("Server-Timing", "")
        boxes = server_timing(header)
        if not boxes or any(box.cpu_s is None for box in boxes):
            self._unmetered = header
        else:
            self.samples.append(Sample(asked.flow, response_s, boxes))


_OK, _NOT_OK = 200, 300


@contextmanager
def sampling(plan: Plan, begin: threading.Event) -> Iterator[Sampler]:
    """Sample beside what is done inside, once `begin` is set; all is there at the end."""
    sampler = Sampler(plan)
    failures: list[Exception] = []

    def run() -> None:
        begin.wait()
        try:
            sampler.run()
        except (OSError, http.client.HTTPException) as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="sampler")
    thread.start()
    try:
        yield sampler
    finally:
        sampler.stop()
        begin.set()
        thread.join()
    if failures:
        raise failures[0]

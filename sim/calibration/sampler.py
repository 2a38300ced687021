"""Some requests of one's own beside a load, whose answers tell what each box did for them."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urlsplit

import numpy as np

from sim.calibration.calls import Call, Calls
from sim.calibration.errors import NotMeteredError
from sim.calibration.telling import BoxTime, server_timing
from sim.loadtest.errors import UnreachableError
from sim.loadtest.pictures import pictures
from sim.loadtest.schedule import Schedule
from sim.loadtest.traffic import FLOWS

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
    """Sends a schedule's requests one at a time, each when due or as soon as the last is done.

    What fails is left out: the load generator counts errors.
    """

    def __init__(self, url: str, schedule: Schedule, calls: Calls) -> None:
        self.url = url
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._calls = calls
        self._schedule = schedule
        self._stopping = threading.Event()
        self._unmetered: str | None = None
        [self._picture, *_] = pictures(np.random.default_rng(0))
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
        with closing(HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)) as connection:
            for time_s, flow, actor, subject in due:
                if self._stopping.wait(max(0.0, begun_s + time_s - time.monotonic())):
                    return
                self._do(connection, FLOWS[flow], actor=actor, subject=subject)

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

    def _do(self, connection: HTTPConnection, flow: str, *, actor: int, subject: int) -> None:
        media_url = ""
        if flow == "media_post":
            media_url = self._uploaded(connection, actor)
            if not media_url:
                return
        call = self._calls.of(flow, actor=actor, subject=subject, media_url=media_url)
        self._ask(connection, flow, call)

    def _uploaded(self, connection: HTTPConnection, actor: int) -> str:
        """Upload a picture into the server's own storage, unmeasured; returns its media URL."""
        call = self._calls.upload(actor, size_bytes=len(self._picture))
        answer, body = _answer(connection, call)
        if answer.status >= _NOT_OK:
            return ""
        signed = json.loads(body)
        parts = urlsplit(signed["uploadUrl"])
        path = f"{parts.path}?{parts.query}"
        connection.request(signed["method"], path, self._picture, signed["headers"])
        connection.getresponse().read()
        return str(signed["mediaUrl"])

    def _ask(self, connection: HTTPConnection, flow: str, call: Call) -> None:
        begun_s = time.monotonic()
        answer, _ = _answer(connection, call)
        response_s = time.monotonic() - begun_s
        if not _OK <= answer.status < _NOT_OK:
            return
        header = answer.getheader("Server-Timing", "")
        boxes = server_timing(header)
        if not boxes or any(box.cpu_s is None for box in boxes):
            self._unmetered = header
        else:
            self.samples.append(Sample(flow, response_s, boxes))


_OK, _NOT_OK = 200, 300


def _answer(connection: HTTPConnection, call: Call) -> tuple[HTTPResponse, bytes]:
    headers = {"Authorization": f"Bearer {call.token}"}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    content = None if call.body is None else json.dumps(call.body)
    connection.request(call.method, call.path, content, headers)
    answer = connection.getresponse()
    return answer, answer.read()


@contextmanager
def sampling(sampler: Sampler, begin: threading.Event) -> Iterator[None]:
    """Sample beside what is done inside, once `begin` is set; all is there at the end.

    Raises:
        UnreachableError: if the connection was lost.
    """
    failures: list[Exception] = []

    def run() -> None:
        begin.wait()
        try:
            sampler.run()
        except (OSError, HTTPException) as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="sampler")
    thread.start()
    try:
        yield
    finally:
        sampler.stop()
        begin.set()
        thread.join()
    if failures:
        reason = f"the sampler lost it ({str(failures[0]) or type(failures[0]).__name__})"
        raise UnreachableError(url=sampler.url, reason=reason) from failures[0]

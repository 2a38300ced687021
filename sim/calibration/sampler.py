"""Some requests of one's own beside a load, whose answers tell what each box did for them."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from itertools import cycle
from urllib.parse import urlsplit

import numpy as np

from sim.calibration.calls import Call, Calls
from sim.calibration.errors import NotMeteredError
from sim.calibration.telling import BoxTime, server_timing
from sim.loadtest.errors import UnreachableError
from sim.loadtest.schedule import Schedule
from sim.loadtest.traffic import FLOWS

TIMEOUT_S = 10.0
GATEWAY, STORAGE, CDN = "api_gateway", "object_storage", "cdn"
MEDIA_FETCH = "media_fetch"
"""A flow of the sampler's own: what a page loads, from object storage first, then from the edge."""
FETCHES = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """One request.

    Attributes:
        response_s: from sending it to having the answer, without waiting for its turn.
        boxes: each call of a box.
        fronts: the box that has taken each of its HTTP requests; a media post has three.
    """

    flow: str
    response_s: float
    boxes: tuple[BoxTime, ...]
    fronts: tuple[str, ...] = (GATEWAY,)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer, and what the boxes did for it."""

    status: int
    body: bytes
    boxes: tuple[BoxTime, ...]

    @property
    def is_right(self) -> bool:
        return _OK <= self.status < _NOT_OK


class Sampler:
    """Sends a schedule's requests, each when due or as soon as the last of its kind is done.

    What fails is left out: the load generator counts errors.
    """

    def __init__(
        self, url: str, schedule: Schedule, calls: Calls, pictures: Sequence[bytes]
    ) -> None:
        self.url = url
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._calls = calls
        self._schedule = schedule
        self._pictures = cycle(pictures)
        self._stopping = threading.Event()
        self._unmetered: str | None = None
        self.samples: list[Sample] = []

    def run(self) -> None:
        """Send until all are sent, or the sampler is stopped.

        Media posts go by themselves: they take long, and would make all others late.
        """
        begun_s = time.monotonic()
        schedule = self._schedule
        is_media = schedule.flows == FLOWS.index("media_post")
        with ThreadPoolExecutor(2, thread_name_prefix="sampler") as threads:
            walks = [
                threads.submit(self._walk, begun_s, np.flatnonzero(chosen).tolist())
                for chosen in (is_media, ~is_media)
            ]
        for walk in walks:
            walk.result()

    def _walk(self, begun_s: float, rows: Sequence[int]) -> None:
        """Send some of the schedule's requests, one after the other."""
        schedule = self._schedule
        with closing(HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)) as connection:
            for row in rows:
                due_s = begun_s + float(schedule.times_s[row])
                if self._stopping.wait(max(0.0, due_s - time.monotonic())):
                    return
                flow, actor = FLOWS[schedule.flows[row]], int(schedule.actors[row])
                if flow == "media_post":
                    self._post_media(connection, actor)
                else:
                    subject = int(schedule.subjects[row])
                    self._ask(connection, flow, self._calls.of(flow, actor=actor, subject=subject))

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

    def _ask(self, connection: HTTPConnection, flow: str, call: Call) -> None:
        begun_s = time.monotonic()
        answer = self._send(connection, call)
        self._note(flow, [answer], time.monotonic() - begun_s, (GATEWAY,))

    def _post_media(self, connection: HTTPConnection, actor: int) -> None:
        """Upload a picture and post it, and then load it as pages do."""
        data = next(self._pictures)
        begun_s = time.monotonic()
        signed = self._send(connection, self._calls.upload(actor, size_bytes=len(data)))
        if not signed.is_right:
            return
        told = json.loads(signed.body)
        target = urlsplit(told["uploadUrl"])
        put = Call("PUT", f"{target.path}?{target.query}", None, "")
        stored = self._send(connection, put, content=data, headers=told["headers"])
        posted = self._send(connection, self._calls.media_post(actor, told["mediaUrl"]))
        response_s = time.monotonic() - begun_s
        self._note("media_post", [signed, stored, posted], response_s, (GATEWAY, STORAGE, GATEWAY))
        for _ in range(FETCHES):
            begun_s = time.monotonic()
            fetched = self._send(connection, Call("GET", urlsplit(told["mediaUrl"]).path, None, ""))
            self._note(MEDIA_FETCH, [fetched], time.monotonic() - begun_s, (CDN,))

    def _send(
        self,
        connection: HTTPConnection,
        call: Call,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Answer:
        sent = dict(headers or {})
        if call.token:
            sent["Authorization"] = f"Bearer {call.token}"
        if call.body is not None:
            sent["Content-Type"] = "application/json"
            content = json.dumps(call.body).encode()
        connection.request(call.method, call.path, content, sent)
        answer = connection.getresponse()
        body = answer.read()
        header = answer.getheader("Server-Timing", "")
        boxes = server_timing(header)
        if answer.status < _NOT_OK and (not boxes or any(box.cpu_s is None for box in boxes)):
            self._unmetered = header
        return _Answer(answer.status, body, boxes)

    def _note(
        self, flow: str, answers: Sequence[_Answer], response_s: float, fronts: tuple[str, ...]
    ) -> None:
        if all(answer.is_right for answer in answers):
            boxes = tuple(box for answer in answers for box in answer.boxes)
            self.samples.append(Sample(flow, response_s, boxes, fronts))


_OK, _NOT_OK = 200, 300


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

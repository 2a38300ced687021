"""One generator's run: its stripe of a plan sent, answered, and told to the parent."""

import gc
import time
from collections.abc import Callable, Iterator
from itertools import cycle

import gevent
import numpy as np
from gevent.pool import Group, Pool
from locust.env import Environment

from sim.loadtest.canaries import LARGEST_SHARE
from sim.loadtest.driver.bookmarks import Bookmarks
from sim.loadtest.driver.calls import Calls, Request, post_id_of
from sim.loadtest.driver.connections import Answer, Connections, failure_of
from sim.loadtest.driver.evidence import Evidence
from sim.loadtest.driver.recorder import Recorder, Timing
from sim.loadtest.driver.timer import Timer
from sim.loadtest.driver.uploads import Uploads
from sim.loadtest.driver.watching import GIVE_UP_S, seconds_to_last
from sim.loadtest.pictures import pictures
from sim.loadtest.plan import REQUEST_TIMEOUT_S, Load, Plan
from sim.loadtest.schedule import NOBODY
from sim.loadtest.traffic import FLOWS, POSTS

Tell = Callable[[str, dict[str, object]], None]

IN_FLIGHT = 10_000
"""Requests of one generator without an answer; more are not sent, and count as errors."""

CUT_S = 1.0
_LEAD_S = 0.3
_SHORTEST_SLEEP_S = 0.001
_BURST = 10
"""Overdue requests that are sent before answers get their turn."""
_ROWS_AT_ONCE = 10_000

Row = tuple[float, int, int, int, bool]


class Shift:
    """Sends one stripe of a plan; made when the run starts."""

    def __init__(self, plan: Plan, environment: Environment, tell: Tell, *, index: int) -> None:
        settings = plan.settings
        self.plan = plan
        self.is_sending = True
        self.is_stopping = False
        self._environment = environment
        self._tell = tell
        self._connections = Connections(settings.url, timeout_s=REQUEST_TIMEOUT_S)
        self._calls = Calls(plan, authority=self._connections.authority)
        self._rng = np.random.default_rng((settings.seed, index))
        self._uploads = Uploads(
            self._calls,
            self._connections,
            pictures(self._rng.spawn(1)[0]),
            timeout_s=REQUEST_TIMEOUT_S,
        )
        self._bookmarks = Bookmarks(is_wanted=bool(plan.schedule.continues.any()))
        pages = int((plan.schedule.flows == FLOWS.index("read_feed")).sum())
        self._evidence = Evidence.of(pages)
        self._watchers = plan.canaries.watchers.tolist()
        self._pool = Pool(IN_FLIGHT)
        self._watches = Group()
        self._handed_over = self._watched = 0
        self._endless = cycle(_rows(plan))
        self.start_s = time.monotonic() + _LEAD_S
        self._from_s = self.start_s + settings.warmup_s
        self._to_s = self.start_s + settings.end_s
        self._recorder = Recorder(start_s=self.start_s)
        self._cutter = gevent.spawn(self._cut_again_and_again)
        # What is there by now stays: the collector need not look at it during the run.
        gc.collect()
        gc.freeze()

    def run(self) -> None:
        """Send all that is to be sent, wait for the answers, and tell what is not told yet."""
        if self.plan.settings.load is Load.OPEN:
            self._dispatch()
        while not self.is_stopping and time.monotonic() < self._to_s:
            gevent.sleep(min(0.1, max(0.0, self._to_s - time.monotonic())))
        self.is_sending = False
        self._pool.join(REQUEST_TIMEOUT_S + 1)
        self._watches.join(0.5 if self.is_stopping else GIVE_UP_S)
        self.stop()
        self._watches.join(0.5)
        self._cutter.kill()
        self._tell("interval", self._recorder.cut())
        self._tell("evidence", self._evidence.document(start_s=self.start_s))
        self._uploads.close()
        self._connections.close()

    def stop(self) -> None:
        """Send nothing more."""
        self.is_sending = False
        self.is_stopping = True

    def act_once(self) -> None:
        """Think for a while, then send the schedule's next request and wait for its answer."""
        pause_s = self._rng.exponential(self.plan.settings.think_s)
        # A sleep is of whole milliseconds, rounded up.
        gevent.sleep(pause_s if pause_s >= _SHORTEST_SLEEP_S else 0)
        if self.is_sending:
            now_s = time.monotonic()
            self._recorder.now.due += self._from_s <= now_s < self._to_s
            self._handed_over += 1
            self._pool.spawn(self._send, next(self._endless), now_s).join()

    def _dispatch(self) -> None:
        """Send each request of the schedule when it is due."""
        timer, overdue = Timer(), 0
        try:
            for row in _rows(self.plan):
                due_s = self.start_s + row[0]
                if due_s > time.monotonic():
                    overdue = 0
                    timer.wait_until(due_s)
                elif (overdue := overdue + 1) % _BURST == 0:
                    gevent.sleep(0)
                if self.is_stopping:
                    break
                self._hand_over(row, due_s)
        finally:
            timer.close()

    def _hand_over(self, row: Row, due_s: float) -> None:
        is_measured = due_s >= self._from_s
        self._handed_over += 1
        self._recorder.now.due += is_measured
        if not self._pool.full():
            self._pool.spawn(self._send, row, due_s)
        elif is_measured:
            reason = f"{IN_FLIGHT} requests without an answer"
            self._recorder.failed(FLOWS[row[1]], "not sent", reason)

    def _send(self, row: Row, due_s: float) -> None:
        _, code, actor, subject, continues = row
        before, cursor = self._bookmarks.of(actor) if continues else (None, "")
        begun_s = time.monotonic()
        if due_s >= self._from_s:
            self._recorder.sent(begun_s - due_s)
        asked = Request(FLOWS[code], actor, subject, cursor, before)
        answer, timing = self._asked(asked, due_s=due_s, begun_s=begun_s)
        if answer is not None and asked.flow in POSTS:
            self._posted(asked, answer, timing)

    def _posted(self, asked: Request, answer: Answer, timing: Timing) -> None:
        post = post_id_of(answer.body)
        if post is None:
            return
        self._evidence.posts.append((asked.actor, post, timing.begun_s, timing.done_s))
        # On a server that is late, watchers read more often: further posts go unwatched, or they
        # would make it later.
        is_within_share = self._watched <= LARGEST_SHARE * self._handed_over + _BURST
        if asked.subject != NOBODY and is_within_share:
            watchers = [each for each in self._watchers[asked.subject] if each != NOBODY]
            self._watches.spawn(self._watch, post, watchers, timing)

    def _watch(self, post: int, watchers: list[int], posted: Timing) -> None:
        fresh_s = seconds_to_last(
            post,
            watchers,
            read_feed=self._read_as_watcher,
            confirmed_s=posted.done_s,
            is_stopping=lambda: self.is_stopping,
        )
        if posted.due_s < self._from_s:
            return
        if fresh_s is not None:
            self._recorder.now.freshness_s.append(fresh_s)
        elif not self.is_stopping:
            self._recorder.now.canaries_lost += 1

    def _read_as_watcher(self, watcher: int) -> bytes:
        self._watched += 1
        begun_s = time.monotonic()
        if self._from_s <= begun_s < self._to_s:
            self._recorder.now.due += 1
            self._recorder.now.sent += 1
            self._recorder.now.canary_requests += 1
        asked = Request("read_feed", watcher, NOBODY)
        answer, _ = self._asked(asked, due_s=begun_s, begun_s=begun_s)
        return b"" if answer is None else answer.body

    def _asked(
        self, asked: Request, *, due_s: float, begun_s: float
    ) -> tuple[Answer | None, Timing]:
        """Send the requests of a flow and count it once; returns the last answer if it is right."""
        answer: Answer | None = None
        failure = reason = ""
        try:
            if asked.flow == "media_post":
                answer = self._uploads.post(asked.actor)
            else:
                answer = self._connections.ask(self._calls.request(asked))
        except OSError as error:
            failure, reason = failure_of(error), str(error)
        timing = Timing(due_s, begun_s, time.monotonic())
        if answer is not None:
            failure = "" if asked.is_right(answer) else f"status {answer.status}"
            reason = answer.body.decode(errors="replace") if failure else ""
            self._keep(asked, answer, timing, is_right=not failure)
        self._count(asked.flow, timing, failure, reason)
        return None if failure else answer, timing

    def _keep(self, asked: Request, answer: Answer, timing: Timing, *, is_right: bool) -> None:
        is_measured = self._from_s <= timing.due_s < self._to_s
        self._evidence.keep(asked, answer, timing, is_right=is_right, is_measured=is_measured)
        if asked.flow == "read_feed" and is_right:
            self._bookmarks.keep(asked.actor, answer.body)

    def _count(self, flow: str, timing: Timing, failure: str, reason: str) -> None:
        # What comes in the measured time is its throughput, whenever it was due.
        came_in_time = self._from_s <= timing.done_s < self._to_s
        self._recorder.now.achieved += came_in_time and not failure
        if not self._from_s <= timing.due_s < self._to_s:
            return
        if failure:
            self._recorder.failed(flow, failure, reason)
        else:
            self._recorder.answered(flow, timing)
        # Locust's own statistics and its web page see the same requests.
        self._environment.events.request.fire(
            request_type="flow",
            name=flow,
            response_time=timing.response_s * 1000,
            response_length=0,
            exception=_FlowError(failure) if failure else None,
            context={},
        )

    def _cut_again_and_again(self) -> None:
        while True:
            gevent.sleep(CUT_S)
            self._tell("interval", self._recorder.cut())


class _FlowError(Exception):
    """What Locust lists under its failures."""


def _rows(plan: Plan) -> Iterator[Row]:
    """Yield the requests one by one, as plain numbers."""
    schedule = plan.schedule
    for start in range(0, len(schedule), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        yield from zip(
            schedule.times_s[part].tolist(),
            schedule.flows[part].tolist(),
            schedule.actors[part].tolist(),
            schedule.subjects[part].tolist(),
            schedule.continues[part].tolist(),
            strict=True,
        )

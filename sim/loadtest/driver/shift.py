"""One generator's run: its stripe of a plan sent, answered, and told to the parent."""

import gc
import time
from collections.abc import Callable, Iterator
from itertools import cycle

import gevent
import numpy as np
from gevent.pool import Pool
from locust.env import Environment

from sim.loadtest.driver.calls import Calls, Request
from sim.loadtest.driver.canaries import GIVE_UP_S, CanaryKeeper, post_id_of
from sim.loadtest.driver.connections import Answer, Connections
from sim.loadtest.driver.evidence import Evidence
from sim.loadtest.driver.pages import Bookmarks
from sim.loadtest.driver.recorder import Recorder, Timing
from sim.loadtest.driver.timer import Timer
from sim.loadtest.plan import REQUEST_TIMEOUT_S, Load, Plan
from sim.loadtest.traffic import FLOWS, POSTS

Tell = Callable[[str, dict[str, object]], None]

IN_FLIGHT = 10_000
"""Requests of one generator without an answer; more are not sent, and count as errors."""

CUT_S = 1.0
_LEAD_S = 0.3
_BURST = 10
"""Overdue requests that are sent before answers get their turn."""
_ROWS_AT_ONCE = 10_000

Row = tuple[float, int, int, int, bool]


class Shift:
    """Sends one stripe of a plan; made when the run starts."""

    def __init__(self, plan: Plan, environment: Environment, tell: Tell, *, index: int) -> None:
        settings = plan.settings
        self.plan = plan
        self._environment = environment
        self._tell = tell
        self._connections = Connections(settings.url, timeout_s=REQUEST_TIMEOUT_S)
        self._calls = Calls(plan, authority=self._connections.authority)
        self._bookmarks = Bookmarks(is_wanted=bool(plan.schedule.continues.any()))
        pages = int((plan.schedule.flows == FLOWS.index("read_feed")).sum())
        self._evidence = Evidence.of(pages)
        self._pool = Pool(IN_FLIGHT)
        self._rng = np.random.default_rng((settings.seed, index))
        self._endless = cycle(_rows(plan))
        self.is_stopping = False
        self.is_sending = True
        self.start_s = time.monotonic() + _LEAD_S
        self._from_s = self.start_s + settings.warmup_s
        self._to_s = self.start_s + settings.end_s
        self._recorder = Recorder(start_s=self.start_s)
        self._canaries = CanaryKeeper(
            plan,
            calls=self._calls,
            connections=self._connections,
            recorder=self._recorder,
            evidence=self._evidence,
        )
        self._cutter = gevent.spawn(self._cut_again_and_again)
        self._keeper = gevent.spawn(self._canaries.run, start_s=self.start_s)
        # What is there by now stays: the collector need not look at it during the run.
        gc.collect()
        gc.freeze()

    def dispatch(self) -> None:
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

    def run(self) -> None:
        """Send all that is to be sent, wait for the answers, and tell what is not told yet."""
        if self.plan.settings.load is Load.OPEN:
            self.dispatch()
        while not self.is_stopping and time.monotonic() < self._to_s:
            gevent.sleep(min(0.1, self._to_s - time.monotonic()))
        self.is_sending = False
        self._pool.join(REQUEST_TIMEOUT_S + 1)
        if not self.is_stopping:
            self._keeper.join()
            self._canaries.join(GIVE_UP_S)
        self.stop()
        self._canaries.join(0.5)
        self._cutter.kill()
        self._tell("interval", self._recorder.cut())
        self._tell("evidence", self._evidence.document(start_s=self.start_s))
        self._connections.close()

    def act_once(self) -> None:
        """Think for a while, then send the schedule's next request and wait for its answer."""
        gevent.sleep(self._rng.exponential(self.plan.settings.think_s))
        if self.is_sending:
            now_s = time.monotonic()
            self._recorder.now.due += now_s >= self._from_s
            self._pool.spawn(self._send, next(self._endless), now_s).join()

    def stop(self) -> None:
        """Send nothing more."""
        self.is_sending = False
        self.is_stopping = self._canaries.is_stopping = True

    def _cut_again_and_again(self) -> None:
        while True:
            gevent.sleep(CUT_S)
            self._tell("interval", self._recorder.cut())

    def _hand_over(self, row: Row, due_s: float) -> None:
        is_measured = due_s >= self._from_s
        self._recorder.now.due += is_measured
        if self._pool.full():
            if is_measured:
                reason = f"{IN_FLIGHT} requests without an answer"
                self._recorder.failed(FLOWS[row[1]], "not sent", reason)
            return
        self._pool.spawn(self._send, row, due_s)

    def _send(self, row: Row, due_s: float) -> None:
        _, code, actor, subject, continues = row
        before, cursor = self._bookmarks.of(actor) if continues else (None, "")
        asked = Request(FLOWS[code], actor, subject, cursor)
        begun_s = time.monotonic()
        if due_s >= self._from_s:
            self._recorder.sent(begun_s - due_s)
        answer: Answer | None = None
        failure = ""
        try:
            answer = self._connections.ask(self._calls.request(asked))
        except OSError as error:
            failure = f"{type(error).__name__}: {error}"
        timing = Timing(due_s, begun_s, time.monotonic())
        if answer is not None:
            failure = self._kept(asked, answer, timing, before=before)
        self._count(asked.flow, timing, failure, answer)

    def _kept(self, asked: Request, answer: Answer, timing: Timing, *, before: int | None) -> str:
        """Keep what the oracle needs; returns what is wrong with the answer, or nothing."""
        is_right = asked.is_right(answer)
        if asked.flow in {"follow", "unfollow"}:
            done_s = timing.done_s if is_right else None
            self._evidence.follows.append(
                (asked.flow, asked.actor, asked.subject, timing.begun_s, done_s)
            )
        if not is_right:
            return f"status {answer.status}"
        if asked.flow == "read_feed":
            self._bookmarks.keep(asked.actor, answer.body)
            self._evidence.read(
                asked.actor,
                answer.body,
                begun_s=timing.begun_s,
                done_s=timing.done_s,
                before=before,
            )
        elif asked.flow in POSTS:
            post = post_id_of(answer.body)
            if post is None:
                return "no post in the answer"
            self._evidence.posts.append((asked.actor, post, timing.begun_s, timing.done_s))
        return ""

    def _count(self, flow: str, timing: Timing, failure: str, answer: Answer | None) -> None:
        # What comes in the measured time is its throughput, whenever it was due.
        came_in_time = self._from_s <= timing.done_s < self._to_s
        self._recorder.now.achieved += came_in_time and not failure
        if timing.due_s < self._from_s:
            return
        if failure:
            example = answer.body.decode(errors="replace") if answer else failure
            self._recorder.failed(flow, failure.partition(":")[0], example)
        else:
            self._recorder.answered(flow, timing)
        # Locust's own statistics and its web page see the same requests.
        self._environment.events.request.fire(
            request_type="flow",
            name=flow,
            response_time=timing.response_s * 1000,
            response_length=len(answer.body) if answer else 0,
            exception=_FlowError(failure) if failure else None,
            context={},
        )


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

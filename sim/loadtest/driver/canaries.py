"""Canaries: posts whose way into their followers' feeds is watched."""

import json
import time

import gevent
from gevent.pool import Group

from sim.loadtest.driver.calls import Calls, Request
from sim.loadtest.driver.connections import Answer, Connections
from sim.loadtest.driver.evidence import Evidence
from sim.loadtest.driver.recorder import Recorder
from sim.loadtest.driver.timer import Timer
from sim.loadtest.plan import Plan
from sim.loadtest.probes import FIRST_PAUSE_S, LONGEST_PAUSE_S, PAUSE_GROWTH

GIVE_UP_S = 30.0
"""A post that is not there after this time counts as lost."""


class CanaryKeeper:
    """Posts the canaries of a plan, and reads their followers' feeds until the posts are there."""

    def __init__(
        self,
        plan: Plan,
        *,
        calls: Calls,
        connections: Connections,
        recorder: Recorder,
        evidence: Evidence,
    ) -> None:
        self._plan = plan
        self._calls = calls
        self._connections = connections
        self._recorder = recorder
        self._evidence = evidence
        self._group = Group()
        self.is_stopping = False

    def run(self, *, start_s: float) -> None:
        """Post each canary when it is due, the run having started at `start_s`."""
        canaries, timer = self._plan.canaries, Timer()
        rows = zip(
            canaries.times_s.tolist(),
            canaries.authors.tolist(),
            canaries.watchers.tolist(),
            strict=True,
        )
        try:
            for due_s, author, watchers in rows:
                timer.wait_until(start_s + due_s)
                if self.is_stopping:
                    return
                present = [watcher for watcher in watchers if watcher >= 0]
                is_measured = due_s >= self._plan.settings.warmup_s
                self._group.spawn(self._watch, author, present, is_measured=is_measured)
        finally:
            timer.close()

    def join(self, timeout_s: float) -> None:
        """Wait until all canaries have arrived, at most so long."""
        self._group.join(timeout_s)
        self._group.kill()

    def _watch(self, author: int, watchers: list[int], *, is_measured: bool) -> None:
        begun_s = time.monotonic()
        post = _post_id(self._asked(Request("text_post", author, -1)))
        confirmed_s = time.monotonic()
        if post is None:
            return
        self._evidence.posts.append((author, post, begun_s, confirmed_s))
        needle = b'"%d"' % post
        waits = [gevent.spawn(self._arrival, watcher, needle, confirmed_s) for watcher in watchers]
        gevent.joinall(waits)
        arrivals = [wait.value for wait in waits if wait.value is not None]
        if is_measured and len(arrivals) == len(waits):
            self._recorder.now.freshness_s.append(max(arrivals) - confirmed_s)
        elif is_measured and not self.is_stopping:
            self._recorder.now.canaries_lost += 1

    def _arrival(self, watcher: int, needle: bytes, confirmed_s: float) -> float | None:
        """Return when the first page with the post was answered; None if it never was."""
        pause_s = FIRST_PAUSE_S
        while time.monotonic() - confirmed_s < GIVE_UP_S:
            answer = self._asked(Request("read_feed", watcher, -1))
            if answer is not None and needle in answer.body:
                return time.monotonic()
            if self.is_stopping:
                return None
            gevent.sleep(pause_s)
            pause_s = min(pause_s * PAUSE_GROWTH, LONGEST_PAUSE_S)
        return None

    def _asked(self, asked: Request) -> Answer | None:
        self._recorder.now.canary_requests += 1
        try:
            answer = self._connections.ask(self._calls.request(asked))
        except OSError:
            return None
        return answer if asked.is_right(answer) else None


def _post_id(answer: Answer | None) -> int | None:
    return None if answer is None else post_id_of(answer.body)


def post_id_of(body: bytes) -> int | None:
    """Return the id of the post that an answer tells of, or None if it tells of none."""
    try:
        return int(json.loads(body)["postId"])
    except (ValueError, KeyError, TypeError):
        return None

"""What one generator has measured, second by second, until it is told to the parent."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import gevent
from hdrh.histogram import HdrHistogram

from sim.loadtest.canaries import CANARY_READS
from sim.loadtest.driver.connections import TIMEOUT
from sim.loadtest.histograms import encoded, microseconds, new_histogram

LONGEST_EXAMPLE = 200


@dataclass(slots=True)
class FlowRecord:
    """One flow in one interval.

    Attributes:
        response, service: times of the right answers, and of the requests that were given up.
        right: right answers.
        errors, examples: requests without one by kind, and one of each.
    """

    response: HdrHistogram = field(default_factory=new_histogram)
    service: HdrHistogram = field(default_factory=new_histogram)
    right: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Interval:
    """What was measured from one cut to the next."""

    from_s: float
    lag: HdrHistogram = field(default_factory=new_histogram)
    flows: dict[str, FlowRecord] = field(default_factory=dict)
    due: int = 0
    sent: int = 0
    achieved: int = 0
    canary_requests: int = 0
    freshness_s: list[float] = field(default_factory=list)
    resolution_s: list[float] = field(default_factory=list)
    canaries_lost: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """When a request was due, sent and answered: seconds of `time.monotonic`."""

    due_s: float
    begun_s: float
    done_s: float

    @property
    def response_s(self) -> float:
        """From when it was due: what a user who does not wait for others meets."""
        return self.done_s - self.due_s

    @property
    def service_s(self) -> float:
        """From when it was sent."""
        return self.done_s - self.begun_s


class Recorder:
    """Takes the measured requests of one generator; cut into intervals, each told once.

    Every request that was due ends as a right answer or as a failure: `give_up` sees to the rest.
    """

    def __init__(self, *, start_s: float, place: Mapping[str, object]) -> None:
        """Start at the moment `start_s` of `time.monotonic`, on a machine and its cores."""
        self._start_s = start_s
        self._place = place
        self._unanswered: Counter[str] = Counter()
        self._cpu_s = time.process_time()
        self.now = Interval(from_s=start_s)

    def due(self, flow: str) -> None:
        """Note that a request is due: it is answered or fails later."""
        self.now.due += 1
        self._unanswered[flow] += 1

    def sent(self, lag_s: float, *, in_time: bool) -> None:
        """Note that a request was sent, `lag_s` after it was due; `in_time` before the end."""
        self.now.sent += in_time
        self.now.lag.record_value(microseconds(lag_s))

    def answered(self, flow: str, timing: Timing) -> None:
        """Note a right answer."""
        self._unanswered[flow] -= 1
        record = self._flow(flow)
        record.right += 1
        record.response.record_value(microseconds(timing.response_s))
        record.service.record_value(microseconds(timing.service_s))

    def failed(self, flow: str, kind: str, example: str, *, waited_s: float | None = None) -> None:
        """Note a request without a right answer.

        One that was given up after `waited_s` took at least so long: it counts with that among the
        response times, or a server that stands still would look quick.
        """
        self._unanswered[flow] -= 1
        record = self._flow(flow)
        if waited_s is not None:
            record.response.record_value(microseconds(waited_s))
            record.service.record_value(microseconds(waited_s))
        record.errors[kind] += 1
        record.examples.setdefault(kind, example[:LONGEST_EXAMPLE])

    def give_up(self, *, waited_s: float) -> None:
        """Count all that is still without an answer as timed out.

        Reads of watchers are forgotten: the run's end has cut them off.
        """
        watching = self._unanswered.pop(CANARY_READS, 0)
        self.now.due -= watching
        self.now.canary_requests -= watching
        for flow, requests in list(self._unanswered.items()):
            for _ in range(requests):
                self.failed(flow, TIMEOUT, "no answer until the run was over", waited_s=waited_s)

    def _flow(self, flow: str) -> FlowRecord:
        found = self.now.flows.get(flow)
        if found is None:
            found = self.now.flows[flow] = FlowRecord()
        return found

    def cut(self) -> dict[str, object]:
        """Return the interval that ends now, as a plain document, and begin the next.

        Others get their turn between two histograms: each takes about a millisecond to write.
        """
        now_s, cpu_s = time.monotonic(), time.process_time()
        ended, self.now = self.now, Interval(from_s=now_s)
        used_s, self._cpu_s = cpu_s - self._cpu_s, cpu_s
        flows: dict[str, object] = {}
        for name, record in ended.flows.items():
            response = encoded(record.response)
            gevent.sleep(0)
            flows[name] = {
                "response": response,
                "service": encoded(record.service),
                "right": record.right,
                "errors": dict(record.errors),
                "examples": record.examples,
            }
            gevent.sleep(0)
        return {
            "from_s": ended.from_s - self._start_s,
            "to_s": now_s - self._start_s,
            "cpu_s": used_s,
            **self._place,
            "due": ended.due,
            "sent": ended.sent,
            "achieved": ended.achieved,
            "lag": encoded(ended.lag),
            "flows": flows,
            "canary_requests": ended.canary_requests,
            "freshness_s": ended.freshness_s,
            "resolution_s": ended.resolution_s,
            "canaries_lost": ended.canaries_lost,
        }

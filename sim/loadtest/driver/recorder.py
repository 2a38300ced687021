"""What one generator has measured, second by second, until it is told to the parent."""

import time
from collections import Counter
from dataclasses import dataclass, field

import gevent
from hdrh.histogram import HdrHistogram

from sim.loadtest.histograms import encoded, microseconds, new_histogram

LONGEST_EXAMPLE = 200


@dataclass(slots=True)
class FlowRecord:
    """One flow in one interval; the histograms hold the right answers' times."""

    response: HdrHistogram = field(default_factory=new_histogram)
    service: HdrHistogram = field(default_factory=new_histogram)
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
    """Takes the measured requests of one generator; cut into intervals, each told once."""

    def __init__(self, *, start_s: float) -> None:
        """Start at the moment `start_s` of `time.monotonic`."""
        self._start_s = start_s
        self._cpu_s = time.process_time()
        self.now = Interval(from_s=start_s)

    def sent(self, lag_s: float) -> None:
        """Note that a request was sent, so long after it was due."""
        self.now.sent += 1
        self.now.lag.record_value(microseconds(lag_s))

    def answered(self, flow: str, timing: Timing) -> None:
        """Note a right answer."""
        record = self._flow(flow)
        record.response.record_value(microseconds(timing.response_s))
        record.service.record_value(microseconds(timing.service_s))

    def failed(self, flow: str, kind: str, example: str) -> None:
        """Note a request without a right answer."""
        record = self._flow(flow)
        record.errors[kind] += 1
        record.examples.setdefault(kind, example[:LONGEST_EXAMPLE])

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
                "right": record.response.get_total_count(),
                "errors": dict(record.errors),
                "examples": record.examples,
            }
            gevent.sleep(0)
        return {
            "from_s": ended.from_s - self._start_s,
            "to_s": now_s - self._start_s,
            "cpu_s": used_s,
            "due": ended.due,
            "sent": ended.sent,
            "achieved": ended.achieved,
            "lag": encoded(ended.lag),
            "flows": flows,
            "canary_requests": ended.canary_requests,
            "freshness_s": ended.freshness_s,
            "canaries_lost": ended.canaries_lost,
        }

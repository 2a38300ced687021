"""What a run has measured: the generators' reports put together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hdrh.histogram import HdrHistogram

from sim.loadtest.canaries import CANARY_READS
from sim.loadtest.histograms import merged
from sim.loadtest.plan import Settings

READ_FEED = "read_feed"


@dataclass(frozen=True, slots=True)
class FlowTimes:
    """One flow's requests over some time.

    Attributes:
        response: from when each was due, of right answers and of requests that were given up, which
            count with how long was waited.
        service: likewise, from when each was sent.
        answered: requests with a right answer.
        errors: requests without a right answer, by kind.
        examples: of each kind of error, one as it was seen.
    """

    response: HdrHistogram
    service: HdrHistogram
    answered: int
    errors: Mapping[str, int]
    examples: Mapping[str, str]

    @property
    def failed(self) -> int:
        """Requests without one."""
        return sum(self.errors.values())


@dataclass(frozen=True, slots=True)
class Report:
    """What one generator told of one interval; see `driver/recorder.py`."""

    worker: int
    content: Mapping[str, Any]

    def span_s(self, settings: Settings) -> float:
        """How much of the interval is measured time."""
        from_s = max(float(self.content["from_s"]), settings.warmup_s)
        return max(0.0, min(float(self.content["to_s"]), settings.end_s) - from_s)


@dataclass(frozen=True, slots=True)
class GeneratorMachine:
    """A machine on which generators run: cores used by all of them, and cores that they have."""

    used: float
    cores: int


@dataclass(frozen=True, slots=True)
class CpuSample:
    """Shares of one core that were busy up to `moment_s` of `time.monotonic`."""

    moment_s: float
    server: float | None
    generator: float


@dataclass(slots=True)
class Measurement:
    """All that one run has measured, growing while it runs.

    Attributes:
        settings: of the run.
        begun_s: when the run started, by `time.monotonic`; until the first report, when the
            generators were started.
        reports: in the order in which they came.
        evidence: what each generator kept for the oracle.
        locust: Locust's own totals by flow: requests, failures, median and p99 in seconds.
        cpu: busy shares, about once a second.
        planned: requests that are due in the measured time; None if closed users decide that.
        generators: that were to send them.
        ended: whether all generators have told everything.
        lost_generators: those that have ended before that.
        sent_until_s: when the last generator stopped sending; None until that is told.
        interrupted: whether it was ended early by Ctrl-C.
        target_lost_s: when the target stopped answering at all, from the start; None if it did not.
    """

    settings: Settings
    begun_s: float
    reports: list[Report] = field(default_factory=list)
    evidence: list[Mapping[str, Any]] = field(default_factory=list)
    locust: Mapping[str, Sequence[float]] = field(default_factory=dict)
    cpu: list[CpuSample] = field(default_factory=list)
    planned: int | None = None
    generators: int = 1
    ended: bool = False
    lost_generators: list[int] = field(default_factory=list)
    sent_until_s: float | None = None
    interrupted: bool = False
    target_lost_s: float | None = None

    def flow_names(self) -> Sequence[str]:
        """Return the flows that anything was measured of, `CANARY_READS` among them."""
        return sorted({name for report in self.counted for name in report.content["flows"]})

    @property
    def counted(self) -> Sequence[Report]:
        """The intervals that figures are taken from: those until a lost target's last answer."""
        if self.target_lost_s is None:
            return self.reports
        return [each for each in self.reports if each.content["to_s"] <= self.target_lost_s]

    def flow(self, name: str) -> FlowTimes:
        """Return one flow's requests."""
        parts = [
            report.content["flows"][name]
            for report in self.counted
            if name in report.content["flows"]
        ]
        errors: Counter[str] = Counter()
        examples: dict[str, str] = {}
        for part in parts:
            errors.update(part["errors"])
            examples |= part["examples"]
        return FlowTimes(
            merged(part["response"] for part in parts),
            merged(part["service"] for part in parts),
            sum(int(part["right"]) for part in parts),
            dict(errors),
            examples,
        )

    def dispatch_lag(self) -> HdrHistogram:
        """Return how long after they were due requests were sent."""
        return merged(report.content["lag"] for report in self.counted)

    def right_answers(self) -> Mapping[str, int]:
        """Return the right answers of each flow as the server sees it: all reads are reads."""
        answers = Counter({name: self.flow(name).answered for name in self.flow_names()})
        answers[READ_FEED] += answers.pop(CANARY_READS, 0)
        return +answers

    def freshness_s(self) -> Sequence[float]:
        """Return each canary's time from its confirmation to its last watcher's page."""
        return self._listed("freshness_s")

    def freshness_resolution_s(self) -> Sequence[float]:
        """Return by how much each of these times may be too long."""
        return self._listed("resolution_s")

    def _listed(self, name: str) -> Sequence[float]:
        return [value for report in self.counted for value in report.content[name]]

    @property
    def told_s(self) -> float:
        """Up to when the generators have told what they measured, from the start of the run."""
        return max((float(report.content["to_s"]) for report in self.reports), default=0.0)

    @property
    def last_answer_s(self) -> float:
        """Until when right answers came, to about a second, from the start of the run."""
        return max(
            (
                float(report.content["to_s"])
                for report in self.reports
                if any(flow["right"] for flow in report.content["flows"].values())
            ),
            default=0.0,
        )

    @property
    def measured_s(self) -> float:
        """How much of the measured time there was: less than planned if the run ended early."""
        ends_s = [self.told_s, self.settings.end_s, self.sent_until_s, self.target_lost_s]
        end_s = min(each for each in ends_s if each is not None)
        return max(0.0, end_s - self.settings.warmup_s)

    def total(self, name: str) -> int:
        """Return the sum of a counter of the intervals, such as `sent`."""
        return sum(int(report.content[name]) for report in self.counted)

    def busiest_generator(self) -> float | None:
        """Return the busiest generator's share of a core in the measured time; None if unknown."""
        return max(self._generators_cpu().values(), default=None)

    def generator_machines(self) -> Sequence[GeneratorMachine]:
        """Return how busy the generators kept the cores of each machine on which they run."""
        used: dict[str, float] = {}
        cores: dict[str, set[int]] = {}
        places = {report.worker: report.content for report in self.reports}
        for worker, share in self._generators_cpu().items():
            machine = str(places[worker]["machine"])
            used[machine] = used.get(machine, 0.0) + share
            cores.setdefault(machine, set()).update(places[worker]["cores"])
        return [GeneratorMachine(used[each], len(cores[each])) for each in sorted(used)]

    def _generators_cpu(self) -> Mapping[int, float]:
        """Return each generator's share of a core, over the intervals within the measured time."""
        used_s: dict[int, float] = {}
        span_s: dict[int, float] = {}
        for report in self.counted:
            whole_s = float(report.content["to_s"] - report.content["from_s"])
            if report.span_s(self.settings) > _MOSTLY * whole_s > 0:
                used_s[report.worker] = used_s.get(report.worker, 0.0) + report.content["cpu_s"]
                span_s[report.worker] = span_s.get(report.worker, 0.0) + whole_s
        return {worker: used_s[worker] / span_s[worker] for worker in used_s}


_MOSTLY = 0.9
"""Of an interval that must be measured time for its CPU to count."""

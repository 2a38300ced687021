"""What a run has measured: the generators' reports put together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hdrh.histogram import HdrHistogram

from sim.loadtest.histograms import merged
from sim.loadtest.plan import Settings


@dataclass(frozen=True, slots=True)
class FlowTimes:
    """One flow's requests over some time.

    Attributes:
        response: of right answers, from when each was due.
        service: of right answers, from when each was sent.
        errors: requests without a right answer, by kind.
        examples: of each kind of error, one as it was seen.
    """

    response: HdrHistogram
    service: HdrHistogram
    errors: Mapping[str, int]
    examples: Mapping[str, str]

    @property
    def answered(self) -> int:
        """Requests with a right answer."""
        return int(self.response.get_total_count())

    @property
    def failed(self) -> int:
        """Requests without one."""
        return sum(self.errors.values())


@dataclass(frozen=True, slots=True)
class Report:
    """What one generator told of one interval; see `driver/recorder.py`."""

    worker: int
    content: Mapping[str, Any]

    @property
    def span_s(self) -> float:
        """How long the interval was."""
        return float(self.content["to_s"] - self.content["from_s"])


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
        ended: whether all generators have told everything.
        interrupted: whether it was ended early by Ctrl-C.
        target_lost_s: when the target stopped answering at all, from the start; None if it did not.
    """

    settings: Settings
    begun_s: float
    reports: list[Report] = field(default_factory=list)
    evidence: list[Mapping[str, Any]] = field(default_factory=list)
    locust: Mapping[str, Sequence[float]] = field(default_factory=dict)
    cpu: list[CpuSample] = field(default_factory=list)
    ended: bool = False
    interrupted: bool = False
    target_lost_s: float | None = None

    def flow_names(self) -> Sequence[str]:
        """Return the flows that anything was measured of."""
        return sorted({name for report in self.reports for name in report.content["flows"]})

    def flow(self, name: str, *, from_s: float = 0.0, to_s: float = float("inf")) -> FlowTimes:
        """Return one flow's requests, of the intervals that end in that time."""
        parts = [
            report.content["flows"][name]
            for report in self.reports
            if from_s < report.content["to_s"] <= to_s and name in report.content["flows"]
        ]
        errors: Counter[str] = Counter()
        examples: dict[str, str] = {}
        for part in parts:
            errors.update(part["errors"])
            examples |= part["examples"]
        return FlowTimes(
            merged(part["response"] for part in parts),
            merged(part["service"] for part in parts),
            dict(errors),
            examples,
        )

    def dispatch_lag(self) -> HdrHistogram:
        """Return how long after they were due requests were sent."""
        return merged(report.content["lag"] for report in self.reports)

    def freshness_s(self) -> Sequence[float]:
        """Return each canary's time from its confirmation to its last watcher's page."""
        return [value for report in self.reports for value in report.content["freshness_s"]]

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
        return max(0.0, min(self.told_s, self.settings.end_s) - self.settings.warmup_s)

    def total(self, name: str) -> int:
        """Return the sum of a counter of the intervals, such as `sent`."""
        return sum(int(report.content[name]) for report in self.reports)

    def busiest_generator(self) -> float | None:
        """Return the busiest generator's share of a core over the measured time; None if unknown.

        The interval in which it starts is left out.
        """
        by_worker: dict[int, list[Report]] = {}
        for report in self.reports:
            if report.content["from_s"] >= 0:
                by_worker.setdefault(report.worker, []).append(report)
        shares = [
            sum(float(each.content["cpu_s"]) for each in reports[1:])
            / sum(each.span_s for each in reports[1:])
            for reports in by_worker.values()
            if len(reports) > 1
        ]
        return max(shares, default=None)

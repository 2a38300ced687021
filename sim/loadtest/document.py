"""The document of a load test: what `loadtest --json` prints and its report is made from."""

import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from scenarios.model import Scenario
from sim.estimates.document import scenario_summary
from sim.loadtest.bench import Bench
from sim.loadtest.findings import findings
from sim.loadtest.histograms import largest_s, mean_s, merged, quantile_s
from sim.loadtest.measurement import FlowTimes, Measurement, Report
from sim.loadtest.traffic import Traffic
from sim.loadtest.verdict import invalid_because, objective_rows
from sim.results.loadtest import (
    Breakpoint,
    ErrorRow,
    Level,
    LoadtestDocument,
    LoadtestRun,
    MeasuredFlow,
    MeasuredFreshness,
    PageCheck,
    Scalability,
    SecondRow,
    Setup,
)
from sim.results.simulation import Reproduce

_TOLD_VERSIONS = ("socialfeed", "locust", "gevent", "hdrhistogram", "numpy")


@dataclass(frozen=True, slots=True)
class Frame:
    """What a document says beside what was measured.

    Attributes:
        scenario: that the users act by.
        command: what to type to run it again.
        seed: the run's.
        wall_s: seconds that all of it took.
        server_quota: the limit of the server's CPU; None for none.
        pages, wrong_pages: what the oracle found.
        breakpoint, levels, scalability: of a search for the largest load.
        traffic: of the load.
    """

    scenario: Scenario
    command: str
    seed: int
    wall_s: float
    traffic: Traffic
    pages: PageCheck
    wrong_pages: tuple[ErrorRow, ...] = ()
    server_quota: str | None = None
    breakpoint: Breakpoint | None = None
    levels: tuple[Level, ...] = ()
    scalability: Scalability | None = None


def loadtest_document(measurement: Measurement, bench: Bench, frame: Frame) -> LoadtestDocument:
    """Return the document of a measured load."""
    settings, objectives = measurement.settings, frame.scenario.objectives
    flows = flow_rows(measurement, frame.scenario, wrong_pages=frame.pages.wrong)
    freshness = freshness_of(measurement)
    reasons = invalid_because(measurement)
    document = LoadtestDocument(
        scenario=scenario_summary(frame.scenario),
        target=settings.url,
        offered_per_s=offered_per_s(measurement),
        sent_per_s=_per_s(measurement.total("sent"), measurement.measured_s),
        achieved_per_s=achieved_per_s(measurement),
        valid=not reasons,
        invalid_because=reasons,
        dispatch_lag_p99_s=quantile_s(measurement.dispatch_lag(), 0.99),
        flows=flows,
        freshness=freshness,
        objectives=objective_rows(objectives, flows, freshness),
        target_lost_s=measurement.target_lost_s,
        breakpoint=frame.breakpoint,
        errors=(*_error_rows(measurement), *frame.wrong_pages),
        pages=frame.pages,
        findings=(),
        timeline=tuple(_timeline(measurement)),
        levels=frame.levels,
        scalability=frame.scalability,
        server_cpu=server_cpu(measurement),
        generator_cpu=measurement.busiest_generator(),
        setup=_setup(measurement, bench, frame),
        reproduce=Reproduce(command=frame.command, versions=_versions()),
        run=LoadtestRun(frame.seed, frame.wall_s, measurement.interrupted),
    )
    return replace(document, findings=findings(document, frame.traffic))


def flow_rows(
    measurement: Measurement, scenario: Scenario, *, wrong_pages: int = 0
) -> tuple[MeasuredFlow, ...]:
    """Return each flow that was asked for; a page that was found wrong is an error of its flow."""
    return tuple(
        _flow_row(
            name,
            scenario.flows[name].title,
            measurement.flow(name),
            wrong=wrong_pages if name == READ_FEED else 0,
        )
        for name in scenario.flows
        if name in measurement.flow_names()
    )


READ_FEED = "read_feed"


def _flow_row(name: str, title: str, times: FlowTimes, *, wrong: int) -> MeasuredFlow:
    response = times.response
    return MeasuredFlow(
        flow=name,
        title=title,
        requests=times.answered + times.failed,
        errors=times.failed + wrong,
        mean_s=mean_s(response),
        p50_s=quantile_s(response, 0.5),
        p95_s=quantile_s(response, 0.95),
        p99_s=quantile_s(response, 0.99),
        p999_s=quantile_s(response, 0.999),
        max_s=largest_s(response),
        service_p50_s=quantile_s(times.service, 0.5),
        service_p99_s=quantile_s(times.service, 0.99),
    )


def freshness_of(measurement: Measurement) -> MeasuredFreshness:
    """Return how fresh feeds were; a quantile needs at least one canary expected beyond it."""
    arrived = np.sort(np.asarray(measurement.freshness_s()))

    def quantile(share: float) -> float | None:
        if len(arrived) * (1 - share) < 1 - 1e-9:
            return None
        return float(np.quantile(arrived, share))

    return MeasuredFreshness(
        p50_s=quantile(0.5),
        p99_s=quantile(0.99),
        max_s=float(arrived[-1]) if len(arrived) else None,
        posts=len(arrived),
        lost=measurement.total("canaries_lost"),
    )


def offered_per_s(measurement: Measurement) -> float:
    """Return the requests that were due a second, those of canaries' watchers among them."""
    return _per_s(measurement.total("due"), measurement.measured_s)


def achieved_per_s(measurement: Measurement) -> float:
    """Return right answers a second that came within the measured time."""
    return _per_s(measurement.total("achieved"), measurement.measured_s)


def _per_s(number: float, duration_s: float) -> float:
    return number / duration_s if duration_s > 0 else 0.0


def _error_rows(measurement: Measurement) -> Iterator[ErrorRow]:
    for name in measurement.flow_names():
        times = measurement.flow(name)
        for kind, requests in sorted(times.errors.items()):
            yield ErrorRow(name, kind, requests, times.examples.get(kind, ""))


def _timeline(measurement: Measurement) -> Iterator[SecondRow]:
    """Yield the run second by second, the generators' intervals put together by their ends."""
    by_second: dict[int, list[Report]] = {}
    for report in measurement.reports:
        if report.content["to_s"] > 0:
            by_second.setdefault(round(report.content["to_s"]), []).append(report)
    for second, reports in sorted(by_second.items()):
        yield _second_row(float(second), reports, measurement)


def _second_row(at_s: float, reports: Sequence[Report], measurement: Measurement) -> SecondRow:
    flows = [flow for report in reports for flow in report.content["flows"].values()]
    response = merged(flow["response"] for flow in flows)
    span_s = max(report.span_s for report in reports)
    fresh = [value for report in reports for value in report.content["freshness_s"]]
    moment_s = measurement.begun_s + at_s
    cpu = min(measurement.cpu, key=lambda sample: abs(sample.moment_s - moment_s), default=None)
    return SecondRow(
        at_s=at_s,
        offered_per_s=sum(report.content["due"] for report in reports) / span_s,
        achieved_per_s=response.get_total_count() / span_s,
        errors_per_s=sum(sum(flow["errors"].values()) for flow in flows) / span_s,
        p50_s=quantile_s(response, 0.5),
        p99_s=quantile_s(response, 0.99),
        freshness_s=max(fresh, default=None),
        server_cpu=None if cpu is None else cpu.server,
        generator_cpu=None if cpu is None else cpu.generator,
    )


def server_cpu(measurement: Measurement) -> float | None:
    """Return the server's mean share of a core over the measured time; None if not known."""
    settings = measurement.settings
    known = [
        sample.server
        for sample in measurement.cpu
        if settings.warmup_s < sample.moment_s - measurement.begun_s <= settings.end_s
        and sample.server is not None
    ]
    return float(np.mean(known)) if known else None


def _setup(measurement: Measurement, bench: Bench, frame: Frame) -> Setup:
    settings = measurement.settings
    return Setup(
        load=settings.load.value,
        own_server=bench.server is not None,
        users=len(bench.world),
        closed_users=settings.users or None,
        warmup_s=settings.warmup_s,
        duration_s=settings.duration_s,
        processes=bench.staffing.processes,
        server_cores=tuple(sorted(bench.cores.server)),
        generator_cores=tuple(sorted(bench.cores.generator)),
        server_quota=frame.server_quota,
        canary_per_s=_per_s(measurement.total("canary_requests"), measurement.measured_s),
        cpu=processor(),
    )


def processor() -> str:
    """Return what the machine calls its processor, and how many cores it has of it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return f"{len(names)} x {names[0]}" if names else platform.machine()


def _versions() -> dict[str, str]:
    told = {name: version(name) for name in _TOLD_VERSIONS}
    return {"python": ".".join(map(str, sys.version_info[:3])), **told}

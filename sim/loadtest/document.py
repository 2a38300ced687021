"""The document of a load test: what `loadtest --json` prints and its report is made from."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np

from scenarios.model import Scenario
from sim.estimates.document import scenario_summary
from sim.loadtest.bench import Bench
from sim.loadtest.canaries import CANARY_READS, GIVE_UP_S
from sim.loadtest.cores import processor
from sim.loadtest.findings import findings
from sim.loadtest.histograms import largest_s, mean_s, merged, quantile_s
from sim.loadtest.measurement import READ_FEED, FlowTimes, Measurement, Report
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
        pages: what the oracle found, in all loads of a search.
        wrong_of_run, wrong_pages: of it, what is wrong in the load that is told of.
        breakpoint, levels, scalability: of a search for the largest load.
        invalid_search: why that search has found no limit of the server.
        lost_s: when the target stopped answering the search, from the start of its last load.
        interrupted: whether the search, or the oracle, was interrupted.
        traffic: of the load.
    """

    scenario: Scenario
    command: str
    seed: int
    wall_s: float
    traffic: Traffic
    pages: PageCheck
    wrong_of_run: int = 0
    wrong_pages: tuple[ErrorRow, ...] = ()
    breakpoint: Breakpoint | None = None
    levels: tuple[Level, ...] = ()
    scalability: Scalability | None = None
    invalid_search: tuple[str, ...] = ()
    lost_s: float | None = None
    interrupted: bool = False


def loadtest_document(measurement: Measurement, bench: Bench, frame: Frame) -> LoadtestDocument:
    """Return the document of a measured load."""
    settings, objectives = measurement.settings, frame.scenario.objectives
    flows = (
        *flow_rows(measurement, frame.scenario, wrong_pages=frame.wrong_of_run),
        *canary_rows(measurement),
    )
    freshness = freshness_of(measurement)
    reasons = (*invalid_because(measurement), *frame.invalid_search)
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
        target_lost_s=frame.lost_s if frame.levels else measurement.target_lost_s,
        breakpoint=frame.breakpoint,
        errors=(*_error_rows(measurement), *frame.wrong_pages),
        pages=frame.pages,
        findings=(),
        timeline=tuple(_timeline(measurement)),
        levels=frame.levels,
        scalability=frame.scalability,
        server_cpu=server_cpu(measurement),
        generator_cpu=measurement.busiest_generator(),
        setup=_setup(measurement, bench),
        reproduce=Reproduce(command=frame.command, versions=_versions()),
        run=LoadtestRun(
            frame.seed,
            frame.wall_s,
            measurement.measured_s,
            measurement.interrupted or frame.interrupted,
        ),
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


def canary_rows(measurement: Measurement) -> Sequence[MeasuredFlow]:
    """Return the reads of those who watch posts arrive, apart from those that the scenario asks."""
    if CANARY_READS not in measurement.flow_names():
        return ()
    return (
        _flow_row(CANARY_READS, "Watching posts arrive", measurement.flow(CANARY_READS), wrong=0),
    )


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
    """Return how fresh feeds were; a quantile needs at least one canary expected beyond it.

    A lost canary counts as one that took as long as it was waited for. Of fewer than that, a lost
    one is a quantile's whole room, and decides it.
    """
    arrived = np.sort(np.asarray(measurement.freshness_s()))
    lost = measurement.total("canaries_lost")
    watched = np.concatenate([arrived, np.full(lost, GIVE_UP_S)])
    resolution_s = measurement.freshness_resolution_s()

    def quantile(share: float) -> float | None:
        room = len(watched) * (1 - share)
        if lost > room:
            return GIVE_UP_S
        return None if room < 1 - 1e-9 else float(np.quantile(watched, share))

    return MeasuredFreshness(
        p50_s=quantile(0.5),
        p99_s=quantile(0.99),
        max_s=float(watched.max()) if len(watched) else None,
        resolution_s=float(np.median(resolution_s)) if resolution_s else None,
        posts=len(arrived),
        lost=lost,
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
    """Yield the measured time by seconds, the generators' intervals together by their ends."""
    settings = measurement.settings
    by_second: dict[int, list[Report]] = {}
    for report in measurement.reports:
        if report.span_s(settings) > _SHORTEST_SPAN_S:
            by_second.setdefault(round(report.content["to_s"]), []).append(report)
    for _, reports in sorted(by_second.items()):
        yield _second_row(reports, measurement)


_SHORTEST_SPAN_S = 0.05
"""Of measured time; a rate over less is noise."""


def _second_row(reports: Sequence[Report], measurement: Measurement) -> SecondRow:
    settings = measurement.settings
    flows = [flow for report in reports for flow in report.content["flows"].values()]
    response = merged(flow["response"] for flow in flows)
    workers = {report.worker for report in reports}
    # Each generator's intervals follow one another, those of two are side by side.
    span_s = sum(report.span_s(settings) for report in reports) / len(workers)
    at_s = min(max(float(report.content["to_s"]) for report in reports), settings.end_s)
    fresh = [value for report in reports for value in report.content["freshness_s"]]
    moment_s = measurement.begun_s + at_s
    cpu = min(measurement.cpu, key=lambda sample: abs(sample.moment_s - moment_s), default=None)
    return SecondRow(
        at_s=round(at_s, 1),
        offered_per_s=sum(report.content["due"] for report in reports) / span_s,
        achieved_per_s=sum(report.content["achieved"] for report in reports) / span_s,
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


def _setup(measurement: Measurement, bench: Bench) -> Setup:
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
        canary_per_s=_per_s(measurement.total("canary_requests"), measurement.measured_s),
        cpu=processor(),
    )


def _versions() -> dict[str, str]:
    told = {name: version(name) for name in _TOLD_VERSIONS}
    return {"python": ".".join(map(str, sys.version_info[:3])), **told}

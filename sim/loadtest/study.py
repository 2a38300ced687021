"""A load test from beginning to end: target, load, checks, document."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scenarios.model import Scenario
from scenarios.quantities import format_duration, format_share
from sim.loadtest.bench import Bench, LoadSpec, bench_on, own_bench, rate_of
from sim.loadtest.crew import Address, Staffing
from sim.loadtest.document import (
    READ_FEED,
    Frame,
    achieved_per_s,
    flow_rows,
    freshness_of,
    loadtest_document,
    offered_per_s,
    server_cpu,
)
from sim.loadtest.find_max import Search, find_max, scalability
from sim.loadtest.findings import KEEPS_UP
from sim.loadtest.histograms import encoded, mean_s, merged
from sim.loadtest.measurement import Measurement
from sim.loadtest.oracle import checked_pages, shifted
from sim.loadtest.own_server import Program
from sim.loadtest.schedule import FLAT, check_load, day_shape
from sim.loadtest.settling import wait_until_settled
from sim.loadtest.traffic import Traffic, scenario_traffic
from sim.loadtest.verdict import invalid_because, objective_rows
from sim.results.loadtest import ErrorRow, Level, LoadtestDocument, PageCheck
from sim.results.simulation import ObjectiveRow

Told = Callable[[str, int, int], None]

SEARCH_STARTS_PER_S = 50.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        program: how the server of one's own is started.
        host: URL of the target; None for a server of one's own.
        world: users to populate.
        rate_per_s: requests a second; None for the scenario's own.
        users: closed users; None for open arrivals.
        is_day: whether the rate runs as over a day.
        finds_max: whether the largest load is searched for.
        processes: load generators.
        master: where generators on other machines join.
        web_port: of Locust's web page.
        command: what to type to run it again.
    """

    scenario: Scenario
    program: Program
    host: str | None
    world: int
    rate_per_s: float | None
    users: int | None
    duration_s: float
    warmup_s: float
    is_day: bool
    finds_max: bool
    processes: int
    master: Address | None
    web_port: int | None
    seed: int
    command: str


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told how it goes.

    Attributes:
        told: what is being done, how much of it, of how much.
        measuring: the measurement so far, several times a second.
        level: each level of a search.
    """

    told: Told = lambda *_: None
    measuring: Callable[[Measurement], None] = lambda _: None
    level: Callable[[Level], None] = lambda _: None


def load_tested(request: Request, watcher: Watcher) -> LoadtestDocument:
    """Do what is asked for and return what was found.

    Raises:
        ImpossibleLoadError: if the load cannot be offered.
        TargetError: if there is nothing to measure.
    """
    begun_s = time.perf_counter()
    traffic = _traffic(request)
    check_load(traffic, duration_s=request.warmup_s + request.duration_s)
    with _bench(request, watcher.told) as bench:
        testing = _Testing(request, bench, traffic, watcher)
        search: Search | None = None
        if request.finds_max:
            measurement, search = testing.searched()
        else:
            measurement = testing.measured(traffic, seed=request.seed)
        watcher.told("checking pages", 0, 1)
        pages, wrong = testing.checked(measurement)
    frame = Frame(
        scenario=request.scenario,
        command=request.command,
        seed=request.seed,
        wall_s=time.perf_counter() - begun_s,
        traffic=traffic,
        pages=pages,
        wrong_pages=tuple(wrong),
        breakpoint=search.breakpoint if search else None,
        levels=search.levels if search else (),
        scalability=scalability(search.levels) if search else None,
    )
    return loadtest_document(measurement, bench, frame)


def _traffic(request: Request) -> Traffic:
    traffic = scenario_traffic(request.scenario)
    if request.users is not None and request.rate_per_s is None and traffic.think_s:
        # As often as the scenario's users ask while they are there.
        return rate_of(traffic, rate_per_s=request.users / traffic.think_s)
    return rate_of(traffic, rate_per_s=request.rate_per_s)


@contextmanager
def _bench(request: Request, told: Told) -> Iterator[Bench]:
    staffing = Staffing(
        processes=request.processes, master=request.master, web_port=request.web_port
    )
    if request.host is None:
        with own_bench(
            request.program, users=request.world, seed=request.seed, staffing=staffing, told=told
        ) as bench:
            yield bench
    else:
        yield bench_on(
            request.host,
            request.scenario,
            users=request.world,
            seed=request.seed,
            staffing=staffing,
            told=told,
        )


class _Testing:
    """Measures loads on a bench, one after another."""

    def __init__(self, request: Request, bench: Bench, traffic: Traffic, watcher: Watcher) -> None:
        self._request = request
        self._bench = bench
        self._traffic = traffic
        self._watcher = watcher
        self._measurements: list[tuple[Level, Measurement]] = []

    def measured(self, traffic: Traffic, *, seed: int) -> Measurement:
        """Put a load on the target."""
        request = self._request
        spec = LoadSpec(
            traffic,
            duration_s=request.duration_s,
            warmup_s=request.warmup_s,
            seed=seed,
            shape=day_shape(traffic) if request.is_day else FLAT,
            users=request.users,
        )

        def watch(measurement: Measurement) -> bool:
            self._watcher.measuring(measurement)
            return True

        return self._bench.measure(self._bench.plan(spec), watch=watch)

    def searched(self) -> tuple[Measurement, Search]:
        """Search for the largest load; returns what was measured at the last good one, and how."""
        start_per_s = self._request.rate_per_s or SEARCH_STARTS_PER_S
        search = find_max(self._level, start_per_s=start_per_s)
        good = [pair for pair in self._measurements if pair[0].good]
        _, measurement = max(
            good or self._measurements[-1:], key=lambda pair: pair[0].offered_per_s
        )
        return measurement, search

    def checked(self, measurement: Measurement) -> tuple[PageCheck, Sequence[ErrorRow]]:
        """Have the oracle look at the pages of all loads, each of which changed the world."""
        evidence = evidence_of([each for _, each in self._measurements] or [measurement])
        read = sum(
            each.flow(READ_FEED).answered
            for each in [each for _, each in self._measurements] or [measurement]
        )
        return checked_pages(self._bench.world, evidence, read=read)

    def _level(self, rate_per_s: float, number: int) -> Level:
        if self._measurements:
            wait_until_settled(self._bench, self._request.scenario.objectives)
        request = self._request
        measurement = self.measured(self._traffic.at(rate_per_s), seed=request.seed + number)
        level = _judged(measurement, request.scenario, rate_per_s=rate_per_s)
        self._measurements.append((level, measurement))
        self._watcher.level(level)
        return level


def evidence_of(measurements: Sequence[Measurement]) -> Sequence[Mapping[str, Any]]:
    """Return the evidence of loads that came one after another, on one clock."""
    return [
        shifted(kept, by_s=measurement.begun_s - measurements[0].begun_s)
        for measurement in measurements
        for kept in measurement.evidence
    ]


def _judged(measurement: Measurement, scenario: Scenario, *, rate_per_s: float) -> Level:
    flows, freshness = flow_rows(measurement, scenario), freshness_of(measurement)
    feed = next((flow for flow in flows if flow.flow == READ_FEED), None)
    achieved = achieved_per_s(measurement)
    missed = [
        f"{row.name}: {_told(row)}"
        for row in objective_rows(scenario.objectives, flows, freshness)
        if row.met is False
    ]
    if achieved < KEEPS_UP * offered_per_s(measurement):
        missed.append(f"answered {achieved:,.0f} a second in time")
    if freshness.lost:
        missed.append(f"{freshness.lost} canaries lost")
    unmeasured = _unmeasured(measurement)
    return Level(
        offered_per_s=rate_per_s,
        achieved_per_s=achieved,
        good=None if unmeasured else not missed,
        mean_s=mean_s(
            merged(encoded(measurement.flow(name).response) for name in measurement.flow_names())
        ),
        p50_s=None if feed is None else feed.p50_s,
        p99_s=None if feed is None else feed.p99_s,
        freshness_p99_s=freshness.p99_s,
        server_cpu=server_cpu(measurement),
        because="; ".join(unmeasured or missed),
    )


def _unmeasured(measurement: Measurement) -> Sequence[str]:
    if measurement.interrupted:
        return ["interrupted"]
    if measurement.target_lost_s is not None:
        return ["the target stopped answering"]
    return invalid_because(measurement)


def _told(row: ObjectiveRow) -> str:
    value = row.value or 0.0
    return format_duration(value) if row.unit == "s" else format_share(value)

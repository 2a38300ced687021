"""A load test from beginning to end: target, load, checks, document."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scenarios.model import Scenario
from scenarios.quantities import format_share
from sim.loadtest.address import Address
from sim.loadtest.bench import Bench, LoadSpec, bench_on, own_bench, rate_of
from sim.loadtest.crew import Staffing
from sim.loadtest.document import (
    Frame,
    achieved_per_s,
    flow_rows,
    freshness_of,
    loadtest_document,
    offered_per_s,
    server_cpu,
)
from sim.loadtest.errors import UnreachableError
from sim.loadtest.find_max import Search, SearchEndedError, find_max, scalability
from sim.loadtest.findings import KEEPS_UP
from sim.loadtest.histograms import encoded, mean_s, merged
from sim.loadtest.measurement import READ_FEED, Measurement
from sim.loadtest.oracle import Checked, checked_pages, shifted
from sim.loadtest.own_server import Program
from sim.loadtest.schedule import FLAT, check_load, day_shape
from sim.loadtest.settling import SETTLED_WITHIN_S, wait_until_settled
from sim.loadtest.traffic import Traffic, scenario_traffic
from sim.loadtest.verdict import invalid_because, objective_rows
from sim.loadtest.wording import told_time
from sim.results.loadtest import Level, LoadtestDocument, PageCheck
from sim.results.simulation import ObjectiveRow

Told = Callable[[str, int, int], None]

SEARCH_STARTS_PER_S = 50.0

GENERATOR_PER_S = 3_000.0
"""Requests that one generator sends in time; docs/loadtest.md tells on which machine."""


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
        warned: of what is likely to come to nothing.
    """

    told: Told = lambda *_: None
    measuring: Callable[[Measurement], None] = lambda _: None
    level: Callable[[Level], None] = lambda _: None
    warned: Callable[[str], None] = lambda _: None


def load_tested(request: Request, watcher: Watcher) -> LoadtestDocument:
    """Do what is asked for and return what was found.

    After an interruption (Ctrl-C) that is what was measured until then.

    Raises:
        ImpossibleLoadError: if the load cannot be offered.
        LoadTestError: if there is nothing to measure.
        KeyboardInterrupt: if it is interrupted before anything is measured.
    """
    begun_s = time.perf_counter()
    traffic = _traffic(request)
    check_load(traffic, duration_s=request.warmup_s + request.duration_s)
    likely_per_s = GENERATOR_PER_S * request.processes
    if traffic.rate_per_s > likely_per_s and not request.finds_max:
        watcher.warned(
            f"{traffic.rate_per_s:,.0f} requests/s are likely to be more than the load generators "
            f"can send: {request.processes} came to some {likely_per_s:,.0f} where that was tried"
        )
    with _bench(request, watcher.told) as bench:
        testing = _Testing(request, bench, traffic, watcher)
        search: Search | None = None
        if request.finds_max:
            measurement, search = testing.searched()
        else:
            measurement = testing.measured(traffic, seed=request.seed)
        watcher.told("checking pages", 0, 1)
        checked, wrong_of_run = testing.checked(measurement)
    frame = Frame(
        scenario=request.scenario,
        command=request.command,
        seed=request.seed,
        wall_s=time.perf_counter() - begun_s,
        traffic=traffic,
        pages=checked.pages,
        wrong_of_run=wrong_of_run,
        wrong_pages=tuple(checked.rows),
        breakpoint=search.breakpoint if search else None,
        levels=search.levels if search else (),
        scalability=scalability(search.levels) if search else None,
        invalid_search=tuple(_unfounded(search)) if search else (),
        lost_s=testing.lost_s(search) if search else None,
        interrupted=testing.is_interrupted(search),
    )
    return loadtest_document(measurement, bench, frame)


def _unfounded(search: Search) -> Iterator[str]:
    """Why a search has not found where the server's objectives break."""
    unmeasured = [level for level in search.levels if level.good is None]
    because = search.breakpoint.ended_because
    if because == _UNSETTLED:
        yield because
    elif search.breakpoint.first_bad_per_s is None and not because:
        if unmeasured:
            lowest = min(unmeasured, key=lambda level: level.offered_per_s)
            yield (
                f"from {lowest.offered_per_s:,.0f} requests/s on no load could be measured "
                f"({lowest.because}), and below that the objectives held"
            )
        else:
            yield f"the search ended after {len(search.levels)} loads without a bad one"


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
        self._posts: list[_Post] = []
        self._is_unchecked = False

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
        if not self._measurements:
            raise KeyboardInterrupt
        good = [pair for pair in self._measurements if pair[0].good]
        _, measurement = max(
            good or self._measurements[-1:], key=lambda pair: pair[0].offered_per_s
        )
        return measurement, search

    def lost_s(self, search: Search) -> float | None:
        """Return when the target stopped answering, from the start of the last load."""
        last = self._measurements[-1][1]
        return last.told_s if search.breakpoint.ended_because == _GONE else None

    def is_interrupted(self, search: Search | None) -> bool:
        """Whether somebody has had enough of the search, or of the oracle."""
        is_so = search is not None and search.breakpoint.ended_because == _INTERRUPTED
        return is_so or self._is_unchecked

    def checked(self, measurement: Measurement) -> tuple[Checked, int]:
        """Have the oracle look at the pages of all loads, each of which changed the world.

        Returns what it found, and how many pages of the given load are wrong.
        """
        measurements = [each for _, each in self._measurements] or [measurement]
        read = sum(each.flow(READ_FEED).answered for each in measurements)
        evidence, of_run = evidence_of(measurements, measurement, posts=self._posts)
        if any(len(each.evidence) < each.generators for each in measurements):
            # What a generator did that is gone nobody knows: any page may be right.
            return Checked(PageCheck(0, read, 0), [], []), 0
        try:
            found = checked_pages(self._bench.world, evidence, read=read, told_of=of_run)
        except KeyboardInterrupt:
            self._is_unchecked = True
            return Checked(PageCheck(0, read, 0), [], []), 0
        return found, sum(found.wrong[position] for position in of_run)

    def _level(self, rate_per_s: float, number: int) -> Level:
        try:
            return self._measured_level(rate_per_s, number)
        except KeyboardInterrupt as error:
            # The loads before are told all the same.
            raise SearchEndedError(_INTERRUPTED) from error

    def _measured_level(self, rate_per_s: float, number: int) -> Level:
        if self._measurements:
            self._settle()
        request = self._request
        measurement = self.measured(self._traffic.at(rate_per_s), seed=request.seed + number)
        level = _judged(measurement, request.scenario, rate_per_s=rate_per_s)
        self._measurements.append((level, measurement))
        self._watcher.level(level)
        if measurement.interrupted or measurement.target_lost_s is not None:
            raise SearchEndedError(level.because, level)
        return level

    def _settle(self) -> None:
        try:
            is_settled = wait_until_settled(
                self._bench,
                self._request.scenario.objectives,
                on_post=lambda *post: self._posts.append(post),
            )
        except UnreachableError as error:
            raise SearchEndedError(_GONE) from error
        if not is_settled:
            raise SearchEndedError(_UNSETTLED)


_GONE = "the target stopped answering"
_INTERRUPTED = "interrupted"
_UNSETTLED = f"a load was not worked off within {SETTLED_WITHIN_S:g} s"

_Post = tuple[int, int | None, float, float | None]


def evidence_of(
    measurements: Sequence[Measurement], told_of: Measurement, *, posts: Sequence[_Post] = ()
) -> tuple[Sequence[Mapping[str, Any]], Sequence[int]]:
    """Return the evidence of loads that came one after another, on one clock.

    `posts` were made between them. Also returns the positions of the evidence of one of them.
    """
    begun_s = measurements[0].begun_s
    between = {"posts": [list(post) for post in posts], "follows": [], "pages": []}
    evidence, of_it = [shifted(between, by_s=-begun_s)], []
    for measurement in measurements:
        for kept in measurement.evidence:
            if measurement is told_of:
                of_it.append(len(evidence))
            evidence.append(shifted(kept, by_s=measurement.begun_s - begun_s))
    return evidence, of_it


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
        return [_INTERRUPTED]
    if measurement.target_lost_s is not None:
        return [_GONE]
    return invalid_because(measurement)


def _told(row: ObjectiveRow) -> str:
    value = row.value or 0.0
    return told_time(value) if row.unit == "s" else format_share(value)

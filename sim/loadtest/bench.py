"""The bench: a target with a world on it, on which one load after another is measured."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from scenarios.model import Scenario
from sim.loadtest.api import Api, target_url
from sim.loadtest.canaries import with_canaries
from sim.loadtest.cores import Cores, divided_cores
from sim.loadtest.crew import Staffing
from sim.loadtest.errors import ImpossibleLoadError, UnreachableError
from sim.loadtest.founding import founded_world, read_every_feed
from sim.loadtest.measurement import Measurement
from sim.loadtest.own_server import OwnServer, Program, own_server
from sim.loadtest.plan import Load, Plan, Settings
from sim.loadtest.run import measured
from sim.loadtest.schedule import FLAT, Shape, drawn_schedule
from sim.loadtest.traffic import Traffic
from sim.loadtest.world import World

Told = Callable[[str, int, int], None]
Watch = Callable[[Measurement], bool]

ONE_GENERATOR = Staffing()

LOST_AFTER_S = 3.0
"""A target that has refused all connections for so long is taken for gone."""

NO_ANSWER = ("connection refused", "connection lost")
"""Failures of requests that tell of a server that is gone; see `driver/connections.py`."""

PROBES = 3
PROBE_PAUSE_S = 1.0
"""A target that was overloaded may need more than one try to show that it is there."""


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """What load is put on a target.

    Attributes:
        traffic: the mix, at the total rate that is asked for.
        duration_s, warmup_s: measured, and before that.
        seed: of the schedule.
        shape: how the rate runs over the measured time; the warm-up is flat.
        users: closed users; None for open arrivals. Their think time is such that they ask at the
            traffic's rate if answers take no time.
    """

    traffic: Traffic
    duration_s: float
    warmup_s: float
    seed: int
    shape: Shape = FLAT
    users: int | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """A target that is ready for loads.

    Attributes:
        url: of the target.
        world: on it.
        staffing: who generates the load.
        server: if it is one's own.
        cores: where server and generators run.
    """

    url: str
    world: World
    staffing: Staffing
    server: OwnServer | None
    cores: Cores

    def plan(self, spec: LoadSpec) -> Plan:
        """Return a plan for a load.

        Raises:
            ImpossibleLoadError: if a schedule cannot hold it.
        """
        traffic = spec.traffic
        settings = Settings(
            url=self.url,
            load=Load.OPEN if spec.users is None else Load.CLOSED,
            warmup_s=spec.warmup_s,
            duration_s=spec.duration_s,
            posts_per_page=traffic.posts_per_page,
            text_characters=traffic.text_characters,
            users=spec.users or 0,
            think_s=(spec.users or 0) / traffic.rate_per_s,
            seed=spec.seed,
        )
        drawn = drawn_schedule(
            traffic,
            self.world,
            duration_s=spec.duration_s,
            seed=spec.seed,
            shape=spec.shape,
            warmup_s=spec.warmup_s,
        )
        schedule, canaries = with_canaries(drawn, self.world, seed=spec.seed)
        return Plan.of(settings, world=self.world, schedule=schedule, canaries=canaries)

    def measure(self, plan: Plan, *, watch: Watch = lambda _: True) -> Measurement:
        """Send a plan to the target and return what was measured.

        The run ends early if the target stops answering; the measurement says so.

        Raises:
            GeneratorError: if the load generators do not start.
        """

        def go_on(measurement: Measurement) -> bool:
            if self.has_died or _refuses_all(measurement):
                measurement.target_lost_s = measurement.last_answer_s
                return False
            return watch(measurement)

        server = self.server
        measurement = measured(
            plan,
            self.staffing,
            server_process=None if server is None else server.process.pid,
            watch=go_on,
        )
        if measurement.target_lost_s is None and self._is_gone(measurement):
            measurement.target_lost_s = measurement.last_answer_s
        return measurement

    @property
    def has_died(self) -> bool:
        """Whether a server of one's own has ended although nobody has asked it to."""
        return self.server is not None and self.server.has_died

    def _is_gone(self, measurement: Measurement) -> bool:
        """Whether the target, which has failed requests, does not answer any more."""
        if not any(measurement.flow(name).errors for name in measurement.flow_names()):
            return False
        for _ in range(PROBES):
            try:
                with Api(self.url) as api:
                    api.ask("GET", "/readyz")
            except UnreachableError:
                time.sleep(PROBE_PAUSE_S)
            else:
                return False
        return True


def _refuses_all(measurement: Measurement) -> bool:
    """Whether no connection of the last seconds, of those that were tried, led to an answer.

    Answers that take too long are not meant: a server far over its limit gives many of them.
    """
    told_s = measurement.told_s
    if measurement.measured_s < LOST_AFTER_S or told_s > measurement.settings.end_s:
        return False
    flows = [
        flow
        for report in measurement.reports
        if report.content["from_s"] >= told_s - LOST_AFTER_S
        for flow in report.content["flows"].values()
    ]
    answered = any(flow["right"] for flow in flows) or any(
        kind.startswith("status") for flow in flows for kind in flow["errors"]
    )
    return not answered and any(kind in NO_ANSWER for flow in flows for kind in flow["errors"])


@contextmanager
def own_bench(
    program: Program,
    *,
    users: int,
    seed: int,
    staffing: Staffing = ONE_GENERATOR,
    told: Told = lambda *_: None,
) -> Iterator[Bench]:
    """Populate and start a server of one's own on one core, generators on the others; stop it.

    Raises:
        TargetError: if it does not start.
    """
    cores = divided_cores(staffing.processes)
    told("populating", 0, users)
    with own_server(program, users=users, seed=seed, cores=cores.server) as server:
        with Api(server.url) as api:
            api.expect_ready()
            read_every_feed(api, server.world, told=told)
        pinned = replace(staffing, cores=cores.generator)
        yield Bench(server.url, server.world, pinned, server, cores)


def bench_on(
    url: str,
    scenario: Scenario,
    *,
    users: int,
    seed: int,
    staffing: Staffing = ONE_GENERATOR,
    told: Told = lambda *_: None,
) -> Bench:
    """Make a world on a server that already runs, through its API.

    Raises:
        BadTargetError: if the URL is none.
        TargetError: if no socialfeed server is there, is ready, and does what it is asked.
    """
    with Api(target_url(url)) as api:
        api.expect_ready()
        world = founded_world(api, scenario, users=users, seed=seed, told=told)
        read_every_feed(api, world, told=told)
    nowhere = Cores(frozenset(), frozenset())
    return Bench(api.url, world, staffing, None, nowhere)


def rate_of(traffic: Traffic, *, rate_per_s: float | None) -> Traffic:
    """Return the traffic at a rate, or at its own.

    Raises:
        ImpossibleLoadError: if nobody asks for anything.
    """
    if not traffic.rate_per_s:
        raise ImpossibleLoadError(
            option="the scenario", found="no requests at all", expected="some activity"
        )
    return traffic if rate_per_s is None else traffic.at(rate_per_s)

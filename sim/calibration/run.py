"""`calibrate`: a server of one's own observed at low load and at two moderate loads."""

import math
import os
import platform
import sqlite3
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Literal

from scenarios.calibration import (
    FORMAT_VERSION,
    Calibration,
    Load,
    Machine,
    Versions,
)
from scenarios.model import Scenario
from sim.calibration.attribution import (
    Observation,
    box_services,
    flow_visits,
    sampled_visits,
    trips_to,
)
from sim.calibration.background import consumer_services, renditions_service
from sim.calibration.errors import TooFewSamplesError
from sim.calibration.observing import Observed, observed
from sim.calibration.sampler import STORAGE
from sim.calibration.waits import LowLoad, commit_service, wake_up_s
from sim.estimates.book import open_sheet
from sim.estimates.workload import WorkFlow, workload
from sim.loadtest.bench import Bench, LoadSpec
from sim.loadtest.document import processor, server_cpu
from sim.loadtest.histograms import quantile_s
from sim.loadtest.traffic import Traffic

LOW_LOAD_PER_S = 15.0
MODERATE = (0.4, 0.85)
"""The two other loads, as parts of what the low load's CPU for a request would allow. A busy server
uses less for a request, so that these are about a quarter and a half of what it really carries."""

RENDERING = "media_processor"
"""The box whose work is done by other processes, so that no thread of the server's tells it."""

LEAST_REQUESTS = 20
"""Of a flow at low load, for its median to be taken."""

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Campaign:
    """How the loads are run.

    Attributes:
        rates_per_s: of the loads, the lowest first; chosen from what is measured if empty.
        warmup_s, measured_s: of each load; the low load lasts twice as long.
        seed: of the schedules.
        measured_at: when.
    """

    rates_per_s: tuple[float, ...]
    warmup_s: float
    measured_s: float
    seed: int
    measured_at: datetime


@dataclass(frozen=True, slots=True)
class Subject:
    """The scenario that is measured.

    Attributes:
        assumed: as it stands.
        calibrated: returns it with what a calibration has measured.
        traffic: of its users.
    """

    assumed: Scenario
    calibrated: Callable[[Calibration], Scenario]
    traffic: Traffic


def calibrated_bench(
    bench: Bench, subject: Subject, campaign: Campaign, *, told: Told
) -> Calibration:
    """Return what was measured on a server of one's own, started with `--server-timing`.

    Service times come from the moderate loads, waiting from the low one: there is no queue in its
    median, and what it takes beyond the service times is waking up, and the disk.

    Raises:
        LoadTestError, CalibrationRunError: if it cannot be measured.
    """
    low, *moderate = _observed_loads(bench, subject.traffic, campaign, told=told)
    machine = _machine(bench, [each.yardstick_s for each in moderate])
    ground = Ground(machine, _versions(), len(bench.world), campaign.measured_at)
    return calibration_from(low, moderate, subject, ground)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where and when something was measured, with how many users."""

    machine: Machine
    versions: Versions
    users: int
    measured_at: datetime


def calibration_from(
    low: Observed, moderate: Sequence[Observed], subject: Subject, ground: Ground
) -> Calibration:
    """Return the calibration that observations at a low load and at moderate loads give.

    Raises:
        TooFewSamplesError: if a flow was hardly seen.
    """
    scenario = subject.assumed
    stores = frozenset(
        name for name, box in scenario.boxes.items() if box.kind in {"store", "queue"}
    )
    consumers = {
        step.box: None
        for flow in scenario.flows.values()
        for step in flow.steps
        if step.mode == "queued" and step.box != RENDERING
    }
    databases = stores - {STORAGE}
    observations = [each.observation for each in moderate]
    sampled = sampled_visits(observations, stores=stores)
    seen = {box for each in observations for box in each.boxes} & scenario.boxes.keys()
    served = Calibration(
        format_version=FORMAT_VERSION,
        measured_at=ground.measured_at,
        scenario=scenario.name,
        users=ground.users,
        machine=ground.machine,
        versions=ground.versions,
        loads=(_load(low, "waiting"), *(_load(each, "service") for each in moderate)),
        boxes=box_services(sampled)
        | consumer_services(observations, consumers=tuple(consumers), stores=databases)
        | renditions_service(observations, RENDERING),
        flows=flow_visits(sampled, sorted(seen - consumers.keys() - {RENDERING})),
        turn_s=_turns(scenario, observations, stores),
    )
    return _with_waits(served, subject, low, databases)


def _with_waits(
    served: Calibration, subject: Subject, low: Observed, stores: frozenset[str]
) -> Calibration:
    """Return a calibration with the boxes that commit batches, and with wake-up times.

    One time of each kind can be told apart: boxes of a kind get the same.
    """
    boxes = subject.assumed.boxes
    committing = {
        name: commit
        for name, box in boxes.items()
        if box.batch > 1 and not box.runs_on
        if (
            commit := commit_service(
                low.observation.samples, _written_before(subject.assumed, name), stores=stores
            )
        )
    }
    committed = served.model_copy(update={"boxes": served.boxes | committing})
    scenario = subject.calibrated(committed)
    woken_s = wake_up_s(_flows_at(low, open_sheet(scenario).once(workload).flows))
    sleeping = [name for name, box in boxes.items() if box.wake_up is not None]
    return committed.model_copy(update={"wake_up_s": dict.fromkeys(sleeping, woken_s)})


def _turns(
    scenario: Scenario, observations: Sequence[Observation], stores: frozenset[str]
) -> dict[str, float]:
    """Return how long a visit keeps a worker, of the boxes that give turns: one time for all.

    A trip to a store takes two turns, one of its thread and one of the loop when it returns.
    """
    cpu_s = math.fsum(each.cpu.total_s for each in observations)
    turns = math.fsum(each.handled + 2 * trips_to(stores, each.metrics) for each in observations)
    return {name: cpu_s / turns for name, box in scenario.boxes.items() if box.turn is not None}


def _flows_at(low: Observed, flows: Sequence[WorkFlow]) -> Sequence[LowLoad]:
    found = []
    for flow in flows:
        response = low.measurement.flow(flow.name).response
        median_s, requests = quantile_s(response, 0.5), response.get_total_count()
        if median_s is not None and requests >= LEAST_REQUESTS:
            found.append(LowLoad(flow, median_s, requests))
    if not found:
        raise TooFewSamplesError(what="each flow at low load", found=0, expected=LEAST_REQUESTS)
    return found


def _written_before(scenario: Scenario, box: str) -> dict[str, str]:
    """Return, by flow, the box whose visit comes right before that of `box`."""
    return {
        name: before.box
        for name, flow in scenario.flows.items()
        for step in flow.steps
        for before in flow.steps
        if step.box == box and before.name in step.after and step.mode == "awaited"
    }


def _observed_loads(
    bench: Bench, traffic: Traffic, campaign: Campaign, *, told: Told
) -> Sequence[Observed]:
    first, *others = campaign.rates_per_s or (LOW_LOAD_PER_S,)
    found = [_observed_at(bench, traffic, first, campaign, told=told)]
    if not others:
        possible_per_s = 1 / found[0].observation.cpu_s_per_request
        others = [share * possible_per_s for share in MODERATE]
    for position, rate_per_s in enumerate(others, start=1):
        found.append(
            _observed_at(bench, traffic, rate_per_s, campaign, told=told, position=position)
        )
    return found


def _observed_at(
    bench: Bench,
    traffic: Traffic,
    rate_per_s: float,
    campaign: Campaign,
    *,
    told: Told,
    position: int = 0,
) -> Observed:
    told(f"measuring at {rate_per_s:.0f} requests/s")
    spec = LoadSpec(
        traffic.at(rate_per_s),
        duration_s=campaign.measured_s * (1 if position else 2),
        warmup_s=campaign.warmup_s,
        seed=campaign.seed + position,
    )
    return observed(bench, spec)


def _load(seen: Observed, used_for: Literal["service", "waiting"]) -> Load:
    return Load(
        offered_per_s=seen.spec.traffic.rate_per_s,
        requests=round(seen.observation.handled),
        cpu_s_per_request=seen.observation.cpu_s_per_request,
        core_utilisation=server_cpu(seen.measurement) or 0.0,
        used_for=used_for,
    )


def _machine(bench: Bench, yardsticks_s: Sequence[float]) -> Machine:
    return Machine(
        cpu=processor(),
        cores=os.cpu_count() or 1,
        server_cores=len(bench.cores.server) or os.cpu_count() or 1,
        kernel=platform.release(),
        yardstick_s=statistics.median(yardsticks_s),
    )


def _versions() -> Versions:
    return Versions(
        socialfeed=version("socialfeed"),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        aiohttp=version("aiohttp"),
    )

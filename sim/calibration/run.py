"""`calibrate`: a server of one's own observed at low load and at several larger loads."""

import os
import platform
import sqlite3
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Literal

from scenarios.calibration import (
    FORMAT_VERSION,
    BoxService,
    Calibration,
    Load,
    Machine,
    Versions,
)
from scenarios.model import Scenario
from sim.calibration.attribution import Paths, box_services, flow_visits, sampled_visits
from sim.calibration.batches import commit_service, consumer_services
from sim.calibration.clips import LENGTHS_S, clips_of, rendered_clips
from sim.calibration.errors import InvalidLoadError
from sim.calibration.idling import with_idling
from sim.calibration.ladder import KEEPS_UP, LOW_LOAD_PER_S, Rung, is_extra, next_rate_per_s
from sim.calibration.observing import Observed, observed
from sim.calibration.renditions import RENDERING, renditions_service
from sim.calibration.sampler import STORAGE
from sim.calibration.subject import Subject
from sim.calibration.waits import duration_scvs
from sim.calibration.whole import stay_with_generators
from sim.loadtest.bench import Bench, LoadSpec
from sim.loadtest.cores import processor
from sim.loadtest.document import achieved_per_s
from sim.loadtest.settling import wait_until_settled

FULL = 2
"""The largest loads, from which service times are taken: a busy server uses less for a request. The
others tell what batches cost, and how much an idle server adds."""

TRIES = 3
"""Of a load that tells of the load generator: others may be at work on the machine. A load that can
be left out has one: it may be more than the generator can do."""

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


def calibrated_bench(
    bench: Bench, subject: Subject, campaign: Campaign, *, told: Told
) -> Calibration:
    """Return what was measured on a server of one's own, started with `--server-timing`.

    Service times come from the largest loads, the cost of batches from all but the low one, waiting
    from the quiet ones: there is hardly a queue in their medians. Clips are rendered after the low
    load: larger ones leave renditions behind for minutes.

    Raises:
        LoadTestError, CalibrationRunError: if it cannot be measured.
    """
    stay_with_generators(bench)
    low_per_s = campaign.rates_per_s[0] if campaign.rates_per_s else LOW_LOAD_PER_S
    low = _observed_at(bench, subject, low_per_s, campaign, told=told)
    told("rendering clips")
    rendered = rendered_clips(bench)
    moderate = _observed_above(low, bench, subject, campaign, told=told)
    machine = _machine(bench, [each.yardstick_s for each in (low, *moderate)])
    ground = Ground(machine, _versions(), len(bench.world), campaign.measured_at)
    told("playing the loads")
    found = calibration_from(low, moderate, subject, ground)
    clips = clips_of(LENGTHS_S, rendered.at_usual_speed(machine.yardstick_s))
    return found.model_copy(update={"clips": clips})


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
    usual_s = ground.machine.yardstick_s
    low, *moderate = (each.at_usual_speed(usual_s) for each in (low, *moderate))
    scenario = subject.assumed
    paths = paths_of(scenario)
    consumers = _consumers(scenario)
    observations = [each.observation for each in moderate]
    sampled = sampled_visits(observations[-FULL:], paths)
    seen = {box for each in observations for box in each.boxes} & scenario.boxes.keys()
    served = Calibration(
        format_version=FORMAT_VERSION,
        measured_at=ground.measured_at,
        scenario=scenario.name,
        users=ground.users,
        machine=ground.machine,
        versions=ground.versions,
        loads=(
            _load(low, "waiting"),
            *(_load(each, "batches") for each in moderate[:-FULL]),
            *(_load(each, "service") for each in moderate[-FULL:]),
        ),
        boxes=_varied(
            box_services(sampled)
            | consumer_services(observations, low=low.observation, consumers=consumers, paths=paths)
            | {
                box: commit
                for box in paths.commits
                if (commit := commit_service(observations, box, low=low.observation, paths=paths))
            }
            | renditions_service(observations),
            duration_scvs(low.observation.samples, paths),
        ),
        flows=flow_visits(sampled, sorted(seen - {*consumers, RENDERING} - paths.commits)),
    )
    return with_idling(served, subject, (low, *moderate))


def paths_of(scenario: Scenario) -> Paths:
    """Return what of a scenario the attribution must know."""
    commits = frozenset(
        name for name, box in scenario.boxes.items() if box.batch > 1 and box.kind == "store"
    )
    stored = {name for name, box in scenario.boxes.items() if box.kind in {"store", "queue"}}
    files = frozenset(stored & {STORAGE})
    stores = frozenset(stored - commits - files)
    written = {
        name: [
            before.box
            for step in flow.steps
            for before in flow.steps
            if step.box in commits and before.name in step.after and step.mode == "awaited"
            if before.box in stores
        ]
        for name, flow in scenario.flows.items()
    }
    return Paths(stores, commits, written, files)


def _consumers(scenario: Scenario) -> tuple[str, ...]:
    return tuple(
        {
            step.box: None
            for flow in scenario.flows.values()
            for step in flow.steps
            if step.mode == "queued" and step.box != RENDERING
        }
    )


def _varied(boxes: Mapping[str, BoxService], scvs: Mapping[str, float]) -> dict[str, BoxService]:
    """Return boxes that vary as their durations do, if these vary more than their CPU."""
    return {
        name: box.model_copy(
            update={
                "scv": max(box.scv, scvs.get(name, 0.0)) if box.flows else scvs.get(name, box.scv),
                "flows": {
                    flow: each.model_copy(update={"scv": max(each.scv, scvs.get(name, 0.0))})
                    for flow, each in box.flows.items()
                },
            }
        )
        for name, box in boxes.items()
    }


def _observed_above(
    low: Observed, bench: Bench, subject: Subject, campaign: Campaign, *, told: Told
) -> Sequence[Observed]:
    if campaign.rates_per_s:
        return [
            _observed_at(bench, subject, rate_per_s, campaign, told=told, position=position)
            for position, rate_per_s in enumerate(campaign.rates_per_s[1:], start=1)
        ]
    found = [low]
    while (rate_per_s := next_rate_per_s([_rung(each) for each in found])) is not None:
        position = len(found)
        try:
            seen = _observed_at(bench, subject, rate_per_s, campaign, told=told, position=position)
        except InvalidLoadError as error:
            if not is_extra(position):
                raise
            told(f"left out: {error}")
            break
        if is_extra(position) and achieved_per_s(seen.measurement) < KEEPS_UP * rate_per_s:
            told(f"left out: the server does not keep up with {rate_per_s:.0f} requests/s")
            break
        found.append(seen)
    return found[1:]


def _rung(seen: Observed) -> Rung:
    return Rung(seen.spec.traffic.rate_per_s, seen.core_utilisation)


def _observed_at(
    bench: Bench,
    subject: Subject,
    rate_per_s: float,
    campaign: Campaign,
    *,
    told: Told,
    position: int = 0,
) -> Observed:
    spec = LoadSpec(
        subject.traffic.at(rate_per_s),
        duration_s=campaign.measured_s * (1 if position else 2),
        warmup_s=campaign.warmup_s,
        seed=campaign.seed + position,
    )
    # What a load has left behind would be charged to the next.
    wait_until_settled(bench, subject.assumed.objectives)
    told(f"measuring at {rate_per_s:.0f} requests/s")
    for _ in range((1 if is_extra(position) else TRIES) - 1):
        try:
            return observed(bench, spec)
        except InvalidLoadError as error:
            told(f"once more, for {error}")
    return observed(bench, spec)


def _load(seen: Observed, used_for: Literal["service", "batches", "waiting"]) -> Load:
    return Load(
        offered_per_s=seen.spec.traffic.rate_per_s,
        requests=round(seen.observation.handled),
        cpu_s_per_request=seen.observation.cpu_s_per_request,
        core_utilisation=seen.core_utilisation,
        played_utilisation=0.0,
        speed=seen.speed,
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

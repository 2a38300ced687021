"""One replication: a slice of a region's day, played from an idle start through its warm-up."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
import simpy
from numpy.typing import NDArray

from sim.arrivals import arrival_times_s
from sim.engine import draws
from sim.engine.batches import BatchStation
from sim.engine.requests import FlowRunner, sent_at
from sim.engine.sampling import BackgroundBatches, BackgroundVisits, SamplePlan
from sim.engine.stations import Process, Station
from sim.estimates.workload import WorkFlow, WorkStep

_COOLDOWN_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class CelebrityPost:
    """A post by an author with that many followers, made when measuring begins.

    Attributes:
        followers: of the author, in all regions: the push threshold is about these.
        share_here: part of them whose feeds are in the region played.
    """

    flow: str
    followers: int
    share_here: float = 1.0


@dataclass(frozen=True, slots=True)
class SliceSpec:
    """What to play.

    Attributes:
        rates_per_s: requests of each flow in the region, by flow.
        balancers: of each box.
        hop_s: round trip between two boxes.
        number: of the replication; with the seed it fixes all draws.
    """

    flows: tuple[WorkFlow, ...]
    rates_per_s: Mapping[str, float]
    plan: SamplePlan
    balancers: Mapping[str, str]
    hop_s: float
    seed: int
    number: int
    celebrity: CelebrityPost | None = None


@dataclass(frozen=True, slots=True)
class SliceResult:
    """What was measured.

    Attributes:
        response_times_s: by flow, shape (requests,).
        freshness_s: by flow that spreads posts, shape (posts,).
        failed: requests given up, by flow.
        utilisation: of the sampled workers, by box.
        wake_ups: of idle ones, by box, while it was measured.
        coldness: of wake-ups, put together, by box: 1 for each after a long sleep, less for others.
        celebrity_freshness_s: of the celebrity's post, None without one.
        requests, visits: simulated in all.
        measured_s: simulated seconds that were measured.
    """

    response_times_s: Mapping[str, NDArray[np.float64]]
    freshness_s: Mapping[str, NDArray[np.float64]]
    failed: Mapping[str, int]
    utilisation: Mapping[str, float]
    wake_ups: Mapping[str, int]
    coldness: Mapping[str, float]
    celebrity_freshness_s: float | None
    requests: int
    visits: int
    measured_s: float


def play(spec: SliceSpec) -> SliceResult:
    """Play one slice and return what was measured.

    Requests that arrive after the warm-up and before the end are measured, and followed until the
    last of them is done; arrivals go on a little beyond the end, so that these do not finish in a
    system that empties.
    """
    env = simpy.Environment()
    plan = spec.plan
    begin_s, end_s = plan.warmup_s, plan.warmup_s + plan.measured_s
    stop_s = end_s + plan.measured_s * _COOLDOWN_SHARE
    stations = _stations(env, spec, measured_s=(begin_s, end_s))
    runners = {
        flow.name: FlowRunner(env, flow, stations, hop_s=spec.hop_s, seed=(spec.seed, spec.number))
        for flow in spec.flows
    }
    requests = 0
    for name, runner in runners.items():
        times_s = arrival_times_s(
            draws.generator(spec.seed, spec.number, f"flow.{name}.arrivals"),
            edges_s=(0.0, stop_s),
            rates_per_s=(spec.rates_per_s[name] * plan.followed[name],),
        ).tolist()
        requests += len(times_s)
        env.process(sent_at(env, runner, times_s, measured_s=(begin_s, end_s)))
    for station in stations.values():
        env.process(_background(env, station, spec, stop_s))
    celebrity = _celebrity_runner(env, spec, stations)
    if celebrity is not None:
        env.process(_post_at(env, celebrity, spec, begin_s))
    env.run(until=env.process(_until_measured(env, [*runners.values()], celebrity, end_s)))
    records = {name: runner.record for name, runner in runners.items()}
    return SliceResult(
        response_times_s={
            name: np.asarray(record.response_times_s) for name, record in records.items()
        },
        freshness_s={
            flow.name: np.asarray(records[flow.name].freshness_s)
            for flow in spec.flows
            if flow.spreads_posts
        },
        failed={name: record.failed for name, record in records.items()},
        utilisation={
            box: station.busy_s
            / (plan.measured_s * station.sample.sampled * station.sample.workers)
            for box, station in stations.items()
        },
        wake_ups={box: station.wake_ups for box, station in stations.items()},
        coldness={box: station.coldness for box, station in stations.items()},
        celebrity_freshness_s=celebrity.record.freshness_s[0] if celebrity else None,
        requests=requests,
        visits=sum(station.visits for station in stations.values()),
        measured_s=plan.measured_s,
    )


def _stations(
    env: simpy.Environment, spec: SliceSpec, *, measured_s: tuple[float, float]
) -> dict[str, Station]:
    stations: dict[str, Station] = {}
    # Those that run on others last: their hosts must be there.
    for box, sample in sorted(
        spec.plan.boxes.items(), key=lambda item: bool(item[1].habits.runs_on)
    ):
        rng = draws.generator(spec.seed, spec.number, f"station.{box}")
        balancer = spec.balancers[box]
        if sample.habits.batch > 1:
            stations[box] = BatchStation(
                env,
                sample,
                balancer=balancer,
                rng=rng,
                measured_s=measured_s,
                host=stations.get(sample.habits.runs_on),
            )
        else:
            stations[box] = Station(env, sample, balancer=balancer, rng=rng, measured_s=measured_s)
    return stations


def _celebrity_runner(
    env: simpy.Environment, spec: SliceSpec, stations: Mapping[str, Station]
) -> FlowRunner | None:
    if spec.celebrity is None:
        return None
    flow = next(flow for flow in spec.flows if flow.name == spec.celebrity.flow)
    # Another name, other draws: those of the flow's common posts stay as they are without it.
    own = replace(flow, name=f"{flow.name}.celebrity")
    return FlowRunner(env, own, stations, hop_s=spec.hop_s, seed=(spec.seed, spec.number))


def _post_at(env: simpy.Environment, runner: FlowRunner, spec: SliceSpec, time_s: float) -> Process:
    yield env.timeout(time_s)
    if spec.celebrity is not None:
        runner.send(
            measured=True,
            followers=spec.celebrity.followers,
            share_here=spec.celebrity.share_here,
        )


def _until_measured(
    env: simpy.Environment,
    runners: list[FlowRunner],
    celebrity: FlowRunner | None,
    end_s: float,
) -> Process:
    yield env.timeout(end_s)
    for runner in [*runners, *([celebrity] if celebrity else [])]:
        while runner.outstanding:
            if runner.drained.processed:
                runner.drained = env.event()
            yield runner.drained


def _background(
    env: simpy.Environment, station: Station, spec: SliceSpec, stop_s: float
) -> Process:
    """Send the visits of requests that are not followed."""
    sample = station.sample

    def source(kind: str, step: WorkStep, position: int) -> np.random.Generator:
        name = f"background.{sample.box}.{kind}.{step.name}.{position}"
        return draws.generator(spec.seed, spec.number, name)

    streams = [
        _single_visits(each, source("visits", each.step, position), stop_s)
        for position, each in enumerate(sample.visits)
    ]
    streams += [
        _batches(each, source("batches", each.step, position), stop_s, sample.sampled_share)
        for position, each in enumerate(sample.batches)
    ]
    for time_s, service_time_s, added_s in heapq.merge(*streams):
        if time_s > env.now:
            yield env.timeout(time_s - env.now)
        station.serve_unfollowed(station.pick(), service_time_s, added_s)


def _single_visits(
    background: BackgroundVisits, rng: np.random.Generator, stop_s: float
) -> Iterator[tuple[float, float, float]]:
    step = background.step
    times_s = arrival_times_s(rng, edges_s=(0.0, stop_s), rates_per_s=(background.rate_per_s,))
    # What a visit adds to a batch is apart from what the batch takes anyway.
    together = step.habits.batch > 1
    mean_s = step.base_time_s if together else step.mean_visit_time_s
    added_s = step.items.mean * step.time_per_item_s if together else 0.0
    services_s = _service_times_s(step, rng, np.full(len(times_s), mean_s))
    return zip(times_s.tolist(), services_s.tolist(), repeat(added_s), strict=False)


def _batches(
    background: BackgroundBatches, rng: np.random.Generator, stop_s: float, share: float
) -> Iterator[tuple[float, float, float]]:
    times_s = arrival_times_s(rng, edges_s=(0.0, stop_s), rates_per_s=(background.rate_per_s,))
    step = background.step
    items = step.items.draw(rng, len(times_s))
    visits = -(-items // step.chunk)
    here = rng.binomial(visits, share)
    means_s = step.base_time_s + items / np.maximum(visits, 1) * step.time_per_item_s
    services_s = _service_times_s(step, rng, np.repeat(means_s, here))
    return zip(np.repeat(times_s, here).tolist(), services_s.tolist(), repeat(0.0), strict=False)


def _service_times_s(
    step: WorkStep, rng: np.random.Generator, means_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    if step.scv == 0:
        return means_s
    return means_s * rng.gamma(1 / step.scv, step.scv, len(means_s))

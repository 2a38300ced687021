"""A server observed under a load: what the generator measures, and what the server tells of it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sim.calibration.attribution import Observation
from sim.calibration.calls import Calls
from sim.calibration.sampler import Sampler, sampling
from sim.calibration.telling import Metrics, metrics
from sim.calibration.threads import ThreadTimes
from sim.calibration.whole import expect_valid, measured_whole
from sim.calibration.yardstick import yardstick
from sim.loadtest.api import Api
from sim.loadtest.bench import Bench, LoadSpec
from sim.loadtest.errors import UnreachableError
from sim.loadtest.measurement import Measurement
from sim.loadtest.own_server import OwnServer
from sim.loadtest.pictures import pictures
from sim.loadtest.schedule import drawn_schedule
from sim.loadtest.traffic import Traffic

SAMPLES_PER_S = 15.0
"""Requests of the sampler, beside the load."""

LEAST_SAMPLES_PER_S = 1.0
"""Of a flow, however rare: its boxes have to be seen."""

LEAST_MEDIA_PER_S = 2.0
"""Of media posts, which take the sampler several requests: it does fewer than are due."""

_OTHER_SEED = 1_000_003
"""So that the sampler does not ask what the load asks."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One load, from outside and from inside.

    Attributes:
        yardstick_s: CPU seconds of a fixed piece of work meanwhile: how fast the machine was.
        speed: that of the machine over the one that CPU seconds in `observation` are told for.
    """

    spec: LoadSpec
    measurement: Measurement
    observation: Observation
    yardstick_s: float
    speed: float = 1.0

    def at_usual_speed(self, yardstick_s: float) -> "Observed":
        """Return what a machine would have used that takes this for the fixed piece of work."""
        speed = yardstick_s / self.yardstick_s
        return replace(self, observation=self.observation.at_speed(speed), speed=speed)

    @property
    def rates_per_s(self) -> Mapping[str, float]:
        """Requests a second by flow, those of the sampler included."""
        sampled = sampled_traffic(self.spec.traffic).rates_per_s
        return {
            flow: rate_per_s + sampled.get(flow, 0.0)
            for flow, rate_per_s in self.spec.traffic.rates_per_s.items()
        }

    @property
    def core_utilisation(self) -> float:
        """Busy part of the server's core, at the usual speed."""
        return self.observation.cpu_s_per_request * sum(self.rates_per_s.values())


def sampled_traffic(traffic: Traffic) -> Traffic:
    """Return what the sampler asks for: the mix, with more of the flows that are rare in it."""
    of_the_mix = traffic.at(SAMPLES_PER_S).rates_per_s
    return replace(
        traffic,
        rates_per_s={
            flow: max(
                rate_per_s, LEAST_MEDIA_PER_S if flow == "media_post" else LEAST_SAMPLES_PER_S
            )
            for flow, rate_per_s in of_the_mix.items()
        },
    )


def observed(bench: Bench, spec: LoadSpec) -> Observed:
    """Put a server of one's own under a load, sampling some requests of the same kind beside it.

    Raises:
        LoadTestError, CalibrationRunError: if it cannot be done.
    """
    server = bench.server
    assert server is not None  # noqa: S101 - only a server of one's own tells its threads' times
    begun = threading.Event()
    before: list[tuple[Metrics, ThreadTimes]] = []

    def watch(measurement: Measurement) -> bool:
        if measurement.reports and not begun.is_set():
            before.append(_told(server))
            begun.set()
        return True

    sampler = _sampler(bench, spec)
    with yardstick(bench.cores.server) as pace, sampling(sampler, begun):
        measurement = measured_whole(bench, bench.plan(spec), watch=watch)
    expect_valid(measurement, rate_per_s=spec.traffic.rate_per_s)
    if not before or server.has_died:
        raise UnreachableError(url=bench.url, reason="it ended under the load")
    told, cpu = _told(server)
    observation = Observation(
        metrics=told.since(before[0][0]),
        cpu=cpu.since(before[0][1]),
        samples=sampler.taken(),
        requests=_requests(measurement),
    )
    return Observed(spec, measurement, observation, pace.median_s)


def _told(server: OwnServer) -> tuple[Metrics, ThreadTimes]:
    times = ThreadTimes.of(server.process.pid)
    with Api(server.url) as api:
        return metrics(api.ask("GET", "/metrics").text), times


def _requests(measurement: Measurement) -> Mapping[str, float]:
    return {flow: float(answers) for flow, answers in measurement.right_answers().items()}


def _sampler(bench: Bench, spec: LoadSpec) -> Sampler:
    schedule = drawn_schedule(
        sampled_traffic(spec.traffic),
        bench.world,
        duration_s=spec.warmup_s + spec.duration_s,
        seed=spec.seed + _OTHER_SEED,
    )
    calls = Calls(bench.world, spec.traffic.posts_per_page, spec.traffic.text_characters)
    made = pictures(np.random.default_rng(spec.seed + _OTHER_SEED))
    return Sampler(bench.url, schedule, calls, made)

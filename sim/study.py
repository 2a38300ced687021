"""A study: a scenario estimated, sized, played at its peak and over its day, and judged."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace

from scenarios.model import Scenario
from scenarios.population import HOURS
from sim.conditions import Conditions, hour_conditions, simulated_region
from sim.engine.replication import CelebrityPost, SliceResult, SliceSpec, play
from sim.engine.sampling import Effort, SamplePlan, sample_plan
from sim.estimates.book import open_sheet
from sim.estimates.document import Estimation, estimated
from sim.estimates.sheet import Sheet, hourly_factors
from sim.estimates.sizing import Fleet, sized_fleet
from sim.estimates.workload import Workload, workload

PEAK_REPLICATIONS = 8
PEAK_EFFORT = Effort(visits=40_000, least_measured_s=1.5, requests_per_flow=150)
HOUR_EFFORT = Effort(visits=15_000, least_measured_s=0.5, requests_per_flow=70)

OVERLOADED = 1.0
"""From this utilisation on a queue grows for as long as the load lasts: it has no percentiles."""


@dataclass(frozen=True, slots=True)
class HourStudy:
    """One hour of the day.

    Attributes:
        work: what requests ask of the boxes in that hour.
        utilisation: of the workers in the simulated region, by box, in closed form.
        plan: what was simulated of it.
        result: None where a box is overloaded.
    """

    conditions: Conditions
    work: Workload
    utilisation: Mapping[str, float]
    plan: SamplePlan
    result: SliceResult | None


@dataclass(frozen=True, slots=True)
class Study:
    """All that was found out about a scenario.

    Attributes:
        region: the one that was simulated.
        peak_hour: its busiest UTC hour.
        peak_plan: what a replication of the peak simulated.
        peak: replications of the peak; empty if a box is overloaded there.
        hours: the day, hour by hour.
    """

    scenario: Scenario
    estimation: Estimation
    work: Workload
    fleet: Fleet
    region: str
    peak_hour: int
    peak_plan: SamplePlan
    peak: tuple[SliceResult, ...]
    hours: tuple[HourStudy, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a study is: slices done of all."""

    done: int
    total: int


def study(
    scenario: Scenario, *, seed: int, on_progress: Callable[[Progress], None] = lambda _: None
) -> Study:
    """Estimate, size and simulate a scenario.

    Slices are played in parallel processes; the same seed gives the same numbers however many
    there are.
    """
    estimation = estimated(scenario)
    sheet = estimation.sheet
    region = simulated_region(sheet, scenario)
    factors = sheet.once(hourly_factors)[region]
    peak_hour = factors.index(max(factors))
    setting = _Setting(scenario, sheet.once(sized_fleet), region, seed)
    work = sheet.once(workload)
    peak_share = scenario.population.regions[region].share * max(factors)
    peak_plan = setting.plan(work, load_share=peak_share, effort=PEAK_EFFORT)
    specs = [
        setting.spec(work, peak_plan, load_share=peak_share, number=number)
        for number in range(PEAK_REPLICATIONS)
        if not setting.is_overloaded(work, load_share=peak_share)
    ]
    hours = [setting.hour(sheet, hour) for hour in range(HOURS)]
    hour_specs = {
        hour.conditions.hour: hour_spec
        for hour in hours
        if (hour_spec := setting.hour_spec(hour)) is not None
    }
    results = _played([*specs, *hour_specs.values()], on_progress)
    by_hour = dict(zip(hour_specs, results[len(specs) :], strict=True))
    return Study(
        scenario=scenario,
        estimation=estimation,
        work=work,
        fleet=setting.fleet,
        region=region,
        peak_hour=peak_hour,
        peak_plan=peak_plan,
        peak=tuple(results[: len(specs)]),
        hours=tuple(replace(hour, result=by_hour.get(hour.conditions.hour)) for hour in hours),
    )


@dataclass(frozen=True, slots=True)
class _Setting:
    """What all slices of a study share."""

    scenario: Scenario
    fleet: Fleet
    region: str
    seed: int

    def plan(self, work: Workload, *, load_share: float, effort: Effort) -> SamplePlan:
        return sample_plan(
            work,
            load_share=load_share,
            instances={
                box: self.fleet.of(box, self.region).instances
                for box in self.scenario.standing_boxes
            },
            workers={name: box.workers for name, box in self.scenario.standing_boxes.items()},
            effort=effort,
        )

    def spec(
        self,
        work: Workload,
        plan: SamplePlan,
        *,
        load_share: float,
        number: int,
        celebrity: CelebrityPost | None = None,
    ) -> SliceSpec:
        return SliceSpec(
            flows=work.flows,
            rates_per_s={flow.name: flow.requests_per_s * load_share for flow in work.flows},
            plan=plan,
            balancers={name: box.balancer for name, box in self.scenario.boxes.items()},
            hop_s=float(self.scenario.network.hop),
            seed=self.seed,
            number=number,
            celebrity=celebrity,
        )

    def utilisation(self, work: Workload, *, load_share: float) -> Mapping[str, float]:
        """Return the utilisation of each box's workers in the region."""
        return {
            box: load.offered_load_erlangs
            * load_share
            / (self.fleet.of(box, self.region).instances * self.scenario.boxes[box].workers)
            for box, load in work.boxes.items()
        }

    def is_overloaded(self, work: Workload, *, load_share: float) -> bool:
        utilisation = self.utilisation(work, load_share=load_share)
        return max(utilisation.values()) >= OVERLOADED

    def hour(self, sheet: Sheet, hour: int) -> HourStudy:
        conditions = hour_conditions(sheet, self.scenario, region=self.region, hour=hour)
        work = (
            open_sheet(_without_hits(self.scenario, conditions.flushed)).once(workload)
            if conditions.flushed
            else sheet.once(workload)
        )
        share = conditions.load_share
        return HourStudy(
            conditions=conditions,
            work=work,
            utilisation=self.utilisation(work, load_share=share),
            plan=self.plan(work, load_share=share, effort=HOUR_EFFORT),
            result=None,
        )

    def hour_spec(self, hour: HourStudy) -> SliceSpec | None:
        share = hour.conditions.load_share
        if max(hour.utilisation.values()) >= OVERLOADED:
            return None
        return self.spec(
            hour.work,
            hour.plan,
            load_share=share,
            number=PEAK_REPLICATIONS + hour.conditions.hour,
            celebrity=self._celebrity(hour),
        )

    def _celebrity(self, hour: HourStudy) -> CelebrityPost | None:
        followers = hour.conditions.celebrity_followers
        spreading = [flow.name for flow in hour.work.flows if flow.visible_after is not None]
        if followers is None or not spreading:
            return None
        share = self.scenario.population.regions[self.region].share
        return CelebrityPost(flow=spreading[0], followers=followers, share_here=float(share))


def _without_hits(scenario: Scenario, boxes: frozenset[str]) -> Scenario:
    """Return the scenario with every read of these caches missing."""
    flows = {
        name: flow.model_copy(
            update={
                "steps": tuple(
                    step.model_copy(update={"hit_ratio": 0.0})
                    if step.box in boxes and step.hit_ratio is not None
                    else step
                    for step in flow.steps
                )
            }
        )
        for name, flow in scenario.flows.items()
    }
    return scenario.model_copy(update={"flows": flows})


def _played(
    specs: Sequence[SliceSpec], on_progress: Callable[[Progress], None]
) -> list[SliceResult]:
    """Play the slices in as many processes as there are processors; results in order."""
    total = len(specs)
    results: dict[int, SliceResult] = {}
    on_progress(Progress(done=0, total=total))
    for position, result in _played_anyhow(specs):
        results[position] = result
        on_progress(Progress(done=len(results), total=total))
    return [results[position] for position in range(total)]


def _played_anyhow(specs: Sequence[SliceSpec]) -> Iterator[tuple[int, SliceResult]]:
    workers = min(len(specs), _processors())
    if workers <= 1:
        yield from ((position, play(spec)) for position, spec in enumerate(specs))
        return
    # Spawned, not forked: the parent may hold threads (a progress display) that a fork would break.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, mp_context=context)
    try:
        with _interrupts_put_off():
            futures = {executor.submit(play, spec): at for at, spec in enumerate(specs)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()


def _processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


@contextmanager
def _interrupts_put_off() -> Iterator[None]:
    """Put the signals to stop off while processes are started, so that none is left half-made.

    Ctrl-C is blocked, which the processes inherit: the parent stops them. Blocked is not put off,
    since another thread of this process may take the signal.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    received: list[int] = []
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handlers[number] = signal.signal(number, lambda number, _: received.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for each in received:
        signal.raise_signal(each)

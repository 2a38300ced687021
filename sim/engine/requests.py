"""Requests: each is a process that takes its flow's steps through the stations."""

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import simpy

from sim.engine import draws
from sim.engine.sampling import is_spread
from sim.engine.stations import Kept, KeptWorker, Process, Station
from sim.estimates.items import ItemLaw, PushedFollowers
from sim.estimates.workload import WorkFlow, WorkStep

JOIN_ENOUGH = 30
"""Visits of one request at sampled instances from which its join waits for these alone."""


@dataclass(slots=True)
class FlowRecord:
    """What was measured of one flow in one replication.

    Attributes:
        response_times_s: from arrival to answer, of the requests that were answered.
        freshness_s: from a post's confirmation to its last follower's feed.
        failed: requests whose caller gave up before the answer.
    """

    response_times_s: list[float] = field(default_factory=list)
    freshness_s: list[float] = field(default_factory=list)
    failed: int = 0


@dataclass(slots=True)
class Request:
    """One request on its way.

    Attributes:
        measured: whether it arrived after the warm-up.
        waiting_for: steps that each step still waits for, by position.
        awaited_left: awaited steps that are not done.
        steps_left: steps that are not done.
        kept_left: steps that still hold the worker of each step, by position.
    """

    arrived_s: float
    measured: bool
    waiting_for: list[int]
    awaited_left: int
    steps_left: int
    kept_left: list[int]
    items: dict[ItemLaw, int]
    hits: dict[int, bool] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    kept: dict[int, Kept] = field(default_factory=dict)
    instances: dict[str, int] = field(default_factory=dict)
    answered_s: float = math.nan
    visible_s: float = math.nan
    given_up: bool = False


@dataclass(slots=True)
class Attempt:
    """One try of a step; once abandoned, nobody waits for it or takes over the worker it kept."""

    abandoned: bool = False


@dataclass(slots=True)
class Turn:
    """A request's turn at a worker, which lasts on while what follows goes on in it."""

    station: Station | None = None
    kept: KeptWorker | None = None

    def end(self, *, now_s: float) -> None:
        """Give the worker back, if there is one."""
        if self.kept is not None:
            self.kept.release(now_s=now_s)
        self.station = self.kept = None


class FlowRunner:
    """Sends requests of one flow through the stations and measures them."""

    def __init__(
        self,
        env: simpy.Environment,
        flow: WorkFlow,
        stations: Mapping[str, Station],
        *,
        hop_s: float,
        seed: tuple[int, int],
    ) -> None:
        """Prepare the flow; `seed` is the run's seed and the replication's number."""
        self.record = FlowRecord()
        self.outstanding = 0
        self.drained = env.event()
        self._env = env
        self._flow = flow
        self._stations = stations
        self._hop_s = hop_s
        name = f"flow.{flow.name}"
        self._rng = draws.generator(*seed, f"{name}.joins")
        self._uniforms: list[Iterator[float]] = []
        self._items: dict[ItemLaw, Iterator[float]] = {}
        self._services: list[Iterator[float]] = []
        # A flow that is pulled from the queue has nobody who waits: it is done when all is done.
        awaited = [step.awaited for step in flow.steps]
        self._awaited = awaited if any(awaited) else [True] * len(awaited)
        self._spread = [is_spread(step) for step in flow.steps]
        self._next: list[list[int]] = [[] for _ in flow.steps]
        self._holders = [0] * len(flow.steps)
        for position, step in enumerate(flow.steps):
            source = draws.generator(*seed, f"{name}.{step.name}")
            self._services.append(draws.unit_service_times(source, scv=step.scv))
            outcomes = draws.generator(*seed, f"{name}.{step.name}.outcomes")
            self._uniforms.append(draws.uniforms(outcomes))
            self._add_items(step, draws.generator(*seed, f"{name}.{step.name}.items"))
            for earlier in step.after:
                self._next[earlier].append(position)
            if step.holds is not None:
                self._holders[step.holds] += 1

    def _add_items(self, step: WorkStep, rng: np.random.Generator) -> None:
        law = step.items
        self._items.setdefault(law, draws.blocks(lambda size: law.draw(rng, size)))

    def send(
        self, *, measured: bool, followers: int | None = None, share_here: float = 1.0
    ) -> None:
        """Start a request now.

        Args:
            measured: whether it counts.
            followers: of its author, where they are given and not drawn.
            share_here: part of these followers whose feeds are in the region simulated.
        """
        steps = self._flow.steps
        fixed: dict[ItemLaw, int] = {
            step.items: round(step.items.pushed_to(followers) * share_here)
            for step in steps
            if followers is not None and isinstance(step.items, PushedFollowers)
        }
        request = Request(
            arrived_s=self._env.now,
            measured=measured,
            waiting_for=[len(step.after) for step in steps],
            awaited_left=sum(self._awaited),
            steps_left=len(steps),
            kept_left=list(self._holders),
            items=fixed,
        )
        self.outstanding += measured
        for position, step in enumerate(steps):
            if not step.after:
                self._env.process(self._run(request, position))

    def _run(self, request: Request, position: int) -> Process:
        """Take steps one after another; where the flow forks, start a process for each branch."""
        turn = Turn()
        while True:
            went_through = yield from self._take(request, position, turn)
            if not went_through:
                self._give_up(request)
            ready = () if request.given_up else self._done(request, position)
            if not ready:
                turn.end(now_s=self._env.now)
                return
            for branch in ready[1:]:
                self._env.process(self._run(request, branch))
            position = ready[0]

    def _take(
        self, request: Request, position: int, turn: Turn
    ) -> Generator[simpy.Event, object, bool]:
        """Take a step, or pass it by; return False if its caller gave up waiting."""
        step = self._flow.steps[position]
        if not self._is_taken(request, position):
            return True
        request.taken.add(position)
        if step.hit_ratio is not None:
            request.hits[position] = next(self._uniforms[position]) < step.hit_ratio
        if step.timeout_s is None:
            yield from self._visit(request, position, Attempt(), turn)
            return True
        turn.end(now_s=self._env.now)
        for _ in range(1 + step.retries):
            attempt = Attempt()
            visit = self._env.process(self._visit(request, position, attempt, Turn()))
            yield visit | self._env.timeout(step.timeout_s)
            if visit.processed:
                return True
            attempt.abandoned = True
        return False

    def _is_taken(self, request: Request, position: int) -> bool:
        step = self._flow.steps[position]
        if step.outcome is not None:
            cache = step.outcome.position
            if cache not in request.taken or request.hits[cache] is not step.outcome.hit:
                return False
        return step.probability >= 1 or next(self._uniforms[position]) < step.probability

    def _visit(self, request: Request, position: int, attempt: Attempt, turn: Turn) -> Process:
        step = self._flow.steps[position]
        if self._hop_s:
            turn.end(now_s=self._env.now)
            yield self._env.timeout(self._hop_s)
        items = self._items_of(request, step)
        if items == 0:
            return
        if self._spread[position]:
            turn.end(now_s=self._env.now)
            yield from self._visit_many(step, items, self._services[position])
            return
        station = self._stations[step.box]
        served_s = _served_s(step, items, next(self._services[position]))
        if step.goes_on and turn.kept is not None and turn.station is station:
            yield from turn.kept.serve_on(sum(served_s))
            return
        turn.end(now_s=self._env.now)
        instance = self._instance(request, step, station)
        if self._holders[position]:
            kept = yield from station.serve_and_keep(instance, *served_s)
            if attempt.abandoned or request.given_up:
                kept.release(now_s=self._env.now)
            else:
                request.kept[position] = kept
        elif step.goes_on and step.timeout_s is None:
            turn.kept = yield from station.serve_and_stay(instance, sum(served_s))
            turn.station = station
        else:
            yield from station.serve(instance, *served_s)

    def _visit_many(self, step: WorkStep, items: int, services: Iterator[float]) -> Process:
        """Visit sampled instances in parallel, and draw the response times of the others."""
        station = self._stations[step.box]
        visits = math.ceil(items / step.chunk)
        mean_s = _mean_time_s(step, items / visits)
        share = station.sample.sampled_share
        here = visits if share >= 1 else int(self._rng.binomial(visits, share))
        waits: list[simpy.Event] = [
            self._env.process(station.serve(station.pick(), next(services) * mean_s))
            for _ in range(here)
        ]
        if visits > here and here < JOIN_ENOUGH:
            drawn = [service * mean_s for service in islice(services, visits - here)]
            waits.append(self._env.timeout(station.elsewhere_s(drawn)))
        yield self._env.all_of(waits)

    def _items_of(self, request: Request, step: WorkStep) -> int:
        if step.items not in request.items:
            request.items[step.items] = int(next(self._items[step.items]))
        return request.items[step.items]

    @staticmethod
    def _instance(request: Request, step: WorkStep, station: Station) -> int:
        if not step.keyed:
            return station.pick()
        if step.box not in request.instances:
            request.instances[step.box] = station.pick()
        return request.instances[step.box]

    def _done(self, request: Request, position: int) -> Sequence[int]:
        """Note that a step is done; return the positions of those that can now be taken."""
        self._release(request, position)
        request.steps_left -= 1
        if self._awaited[position]:
            request.awaited_left -= 1
            if request.awaited_left == 0:
                self._answer(request)
        if position == self._flow.visible_after:
            request.visible_s = self._env.now
        ready = []
        for following in self._next[position]:
            request.waiting_for[following] -= 1
            if request.waiting_for[following] == 0:
                ready.append(following)
        if request.steps_left == 0:
            self._finish(request)
        return ready

    def _release(self, request: Request, position: int) -> None:
        holds = self._flow.steps[position].holds
        if holds is None:
            return
        request.kept_left[holds] -= 1
        if request.kept_left[holds] == 0 and holds in request.kept:
            request.kept.pop(holds).release(now_s=self._env.now)

    def _answer(self, request: Request) -> None:
        request.answered_s = self._env.now
        if request.measured:
            self.record.response_times_s.append(request.answered_s - request.arrived_s)

    def _finish(self, request: Request) -> None:
        if not request.measured:
            return
        if self._flow.spreads_posts:
            pushed = not math.isnan(request.visible_s)
            self.record.freshness_s.append(
                max(0.0, request.visible_s - request.answered_s) if pushed else 0.0
            )
        self._count_off()

    def _give_up(self, request: Request) -> None:
        if request.given_up:
            return
        request.given_up = True
        for kept in request.kept.values():
            kept.release(now_s=self._env.now)
        request.kept.clear()
        if request.measured:
            self.record.failed += math.isnan(request.answered_s)
            self._count_off()

    def _count_off(self) -> None:
        self.outstanding -= 1
        if self.outstanding == 0 and not self.drained.triggered:
            self.drained.succeed()


def _served_s(step: WorkStep, items: float, variate: float) -> tuple[float, float]:
    """Return a visit's service time, and what it adds to a batch beside."""
    if step.habits.batch > 1:
        return variate * step.base_time_s, items * step.time_per_item_s
    return variate * _mean_time_s(step, items), 0.0


def _mean_time_s(step: WorkStep, items: float) -> float:
    return step.base_time_s + items * step.time_per_item_s


def sent_at(
    env: simpy.Environment,
    runner: FlowRunner,
    times_s: Sequence[float],
    *,
    measured_s: tuple[float, float],
) -> Generator[simpy.Event, object, None]:
    """Send a request at each of the times; those within `measured_s` are measured."""
    begin_s, end_s = measured_s
    for time_s in times_s:
        yield env.timeout(time_s - env.now)
        runner.send(measured=begin_s <= time_s < end_s)

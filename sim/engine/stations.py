"""Stations: the sampled instances of a box, each a queue with its workers."""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Protocol

import numpy as np
import simpy

from sim.engine import draws
from sim.engine.sampling import BoxSample

Process = Generator[simpy.Event, object, None]

_WAITS_KEPT = 512

_NOTHING_S = 1e-12
"""What is left of a visit by rounding when all its turns are over."""


class Workers:
    """The workers of one instance and the visits that wait for one, first come, first served.

    simpy.Resource does the same with two more events a visit, which is half of the engine's time.
    """

    def __init__(self, env: simpy.Environment, workers: int) -> None:
        """Start with all workers free."""
        self._env = env
        self._free = workers
        self._waiting: deque[simpy.Event] = deque()
        self._idle_since_s = -math.inf
        self.present = 0

    def enter(self) -> simpy.Event | None:
        """Take a worker if one is free, else return the event of one's turn to have one."""
        self.present += 1
        if self._free:
            self._free -= 1
            return None
        turn = self._env.event()
        self._waiting.append(turn)
        return turn

    @property
    def slept_s(self) -> float:
        """How long the worker just taken was idle; 0 for the instant between two visits."""
        return self._env.now - self._idle_since_s

    @property
    def are_awaited(self) -> bool:
        """Whether a visit waits for one of them."""
        return bool(self._waiting)

    def release(self) -> None:
        """Hand the worker to whoever has waited longest, or set it free."""
        self.present -= 1
        if self._waiting:
            self._waiting.popleft().succeed()
        else:
            self._free += 1
            self._idle_since_s = self._env.now


class Station:
    """The sampled instances of one box.

    Attributes:
        sample: which part of the box this is.
        visits: visits that have begun service.
        busy_s: worker seconds within `measured_s`; waking up is not work.
        wake_ups: how often an idle worker was woken within it.
        coldness: how many of them would have taken all of `cold_work_s`, put together.
    """

    def __init__(
        self,
        env: simpy.Environment,
        sample: BoxSample,
        *,
        balancer: str,
        rng: np.random.Generator,
        measured_s: tuple[float, float],
    ) -> None:
        """Set up idle instances; `balancer` is as in a scenario's box."""
        self.sample = sample
        self.visits = 0
        self.busy_s = 0.0
        self.wake_ups = 0
        self.coldness = 0.0
        self._env = env
        self._instances = (
            [Workers(env, sample.workers * sample.sampled)]
            if sample.pooled
            else [Workers(env, sample.workers) for _ in range(sample.sampled)]
        )
        self._balancer = balancer
        self._turn = 0
        self._uniforms: Iterator[float] = draws.uniforms(rng)
        self._measured_s = measured_s
        # The latest waiting times, oldest overwritten first: the station's law for visits to
        # instances that are not sampled.
        self._waits: list[float] = []

    def pick(self) -> int:
        """Return the instance that the balancer gives the next visit."""
        match self._balancer:
            case "round_robin":
                self._turn = (self._turn + 1) % len(self._instances)
                return self._turn
            case "least_connections":
                loads = self.loads()
                return loads.index(min(loads))
            case _:
                return int(next(self._uniforms) * len(self._instances))

    def loads(self) -> list[int]:
        """Return how many visits are at each instance."""
        return [workers.present for workers in self._instances]

    def serve(self, instance: int, service_time_s: float, added_s: float = 0.0) -> Process:
        """Wait for a worker of that instance, keep it for the service time, release it.

        `added_s` is what the visit's items take; only batches tell it from the rest.
        """
        workers = yield from self._served(instance, service_time_s + added_s)
        workers.release()

    def serve_and_keep(
        self, instance: int, service_time_s: float, added_s: float = 0.0
    ) -> Generator[simpy.Event, object, "Kept"]:
        """Serve as `serve` does, but return the worker, still held."""
        return (yield from self.serve_and_stay(instance, service_time_s + added_s))

    def serve_and_stay(
        self, instance: int, service_time_s: float
    ) -> Generator[simpy.Event, object, "KeptWorker"]:
        """Serve as `serve` does, but return the worker, who can go on serving."""
        workers = yield from self._served(instance, service_time_s)
        return KeptWorker(self, workers, served_s=self._env.now)

    def serve_unfollowed(self, instance: int, service_time_s: float, added_s: float = 0.0) -> None:
        """Serve a visit whose end nobody waits for; a process of its own would cost twice this."""
        workers = self._instances[instance]
        arrived_s = self._env.now
        service_time_s += added_s
        habits = self.sample.habits
        if service_time_s > habits.turn_s or habits.sleeps:
            self._env.process(self.serve(instance, service_time_s))
            return

        def begin() -> None:
            self.begin(arrived_s, service_time_s)
            then(self._env.timeout(service_time_s), lambda _served: workers.release())

        turn = workers.enter()
        if turn is None:
            begin()
        else:
            then(turn, lambda _turn: begin())

    def _served(
        self, instance: int, service_time_s: float
    ) -> Generator[simpy.Event, object, Workers]:
        workers = self._instances[instance]
        arrived_s = self._env.now
        turn = workers.enter()
        if turn is not None:
            yield turn
        elif workers.slept_s:
            service_time_s += self._waking_s(workers.slept_s)
            if self.sample.habits.wake_up_s:
                yield self._env.timeout(self.sample.habits.wake_up_s)
        served_s = min(service_time_s, self.sample.habits.turn_s)
        self.begin(arrived_s, served_s)
        yield self._env.timeout(served_s)
        yield from self._further_turns(workers, service_time_s - served_s)
        return workers

    def _further_turns(self, workers: Workers, left_s: float) -> Process:
        """Serve the rest of a visit, letting the next in line have its turn before each part."""
        while left_s > _NOTHING_S:
            if workers.are_awaited:
                workers.release()
                turn = workers.enter()
                if turn is not None:
                    yield turn
            served_s = min(left_s, self.sample.habits.turn_s)
            self._count_busy(self._env.now, self._env.now + served_s)
            yield self._env.timeout(served_s)
            left_s -= served_s

    def served_at_once(self, service_time_s: float) -> Process:
        """Serve a visit with a worker that is there already."""
        self.begin(self._env.now, service_time_s)
        yield self._env.timeout(service_time_s)

    def keep_busy(self, seconds: float) -> None:
        """Count the time that a worker was held after its own service was done."""
        self._count_busy(self._env.now - seconds, self._env.now)

    def elsewhere_s(self, service_times_s: Sequence[float]) -> float:
        """Return the longest response time of these visits at instances that are not sampled.

        Each waits as a recent visit to the sampled instances did.
        """
        waits = self._waits
        if not waits:
            return max(service_times_s)
        return max(
            waits[int(next(self._uniforms) * len(waits))] + service_time_s
            for service_time_s in service_times_s
        )

    def begin(self, arrived_s: float, service_time_s: float) -> None:
        """Count a visit whose service begins now, and the time that it takes of a worker."""
        now = self._env.now
        self.visits += 1
        if len(self._waits) < _WAITS_KEPT:
            self._waits.append(now - arrived_s)
        else:
            self._waits[self.visits % _WAITS_KEPT] = now - arrived_s
        self._count_busy(now, now + service_time_s)

    def _waking_s(self, slept_s: float) -> float:
        """Count a wake-up, and return the work that it adds to the visit."""
        habits = self.sample.habits
        coldness = habits.coldness(slept_s)
        begin_s, end_s = self._measured_s
        if begin_s <= self._env.now < end_s:
            self.wake_ups += 1
            self.coldness += coldness
        return habits.wake_up_work_s + coldness * habits.cold_work_s

    def _count_busy(self, from_s: float, until_s: float) -> None:
        """Count the part of a worker's busy time that lies within the measured time."""
        begin_s, end_s = self._measured_s
        inside_s = min(until_s, end_s) - max(from_s, begin_s)
        if inside_s > 0:
            self.busy_s += inside_s


class Kept(Protocol):
    """A worker that stays with its request while the request is served elsewhere."""

    def release(self, *, now_s: float) -> None:
        """Give the worker back."""
        ...


class KeptWorker:
    """A worker that serves one visit at a time, and stays with it."""

    def __init__(self, station: Station, workers: Workers, *, served_s: float) -> None:
        """Remember what to release, and since when it has only been held."""
        self._station = station
        self._workers = workers
        self._served_s = served_s

    def serve_on(self, service_time_s: float) -> Process:
        """Serve one more visit at once."""
        yield from self._station.served_at_once(service_time_s)
        self._served_s += service_time_s

    def release(self, *, now_s: float) -> None:
        """Give the worker back."""
        self._station.keep_busy(now_s - self._served_s)
        self._workers.release()


def then(event: simpy.Event, act: Callable[[simpy.Event], None]) -> None:
    """Act when the event happens."""
    if event.callbacks is not None:  # None once it has happened, which none of ours has
        event.callbacks.append(act)

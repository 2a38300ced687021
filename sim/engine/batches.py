"""A station whose workers serve the visits that wait together, such as a store's group commits."""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import simpy

from sim.engine.sampling import BoxSample
from sim.engine.stations import Kept, Process, Station, then


@dataclass(slots=True)
class _Visit:
    """A visit that waits for its batch; `served` happens when that is done.

    Attributes:
        service_time_s: of the batch, if this is its first visit.
        added_s: what it adds to the batch's time in any case.
        keeps: whether it keeps the worker after that.
    """

    served: simpy.Event
    arrived_s: float
    service_time_s: float
    added_s: float
    keeps: bool


@dataclass(slots=True)
class _Instance:
    """Workers that are free, visits that wait, and visits waiting or in service."""

    free: int
    waiting: deque[_Visit]
    present: int = 0


class BatchStation(Station):
    """A worker that is free takes all visits that wait, as far as a batch goes.

    A batch takes the first visit's service time and what each visit adds; no visit leaves before
    the others. What comes meanwhile waits for the next batch (the general bulk service rule with
    batches from 1). A visit may keep the worker when it leaves: then there is no next batch until
    all that do so have given it back. A worker that gathers rests after a batch that was not full.

    Source: Medhi, Stochastic Models in Queueing Theory, 2nd ed. (2003), section 4.3.
    """

    def __init__(
        self,
        env: simpy.Environment,
        sample: BoxSample,
        *,
        balancer: str,
        rng: np.random.Generator,
        measured_s: tuple[float, float],
        host: Station | None = None,
    ) -> None:
        """Set up idle instances; `host` is the station whose workers serve the batches, if any."""
        super().__init__(env, sample, balancer=balancer, rng=rng, measured_s=measured_s)
        self._env = env
        self._host = host
        instances = 1 if sample.pooled else sample.sampled
        workers = sample.workers * (sample.sampled if sample.pooled else 1)
        self._gatherings = [_Instance(workers, deque()) for _ in range(instances)]

    def loads(self) -> list[int]:
        """Return how many visits are at each instance."""
        return [instance.present for instance in self._gatherings]

    def serve(self, instance: int, service_time_s: float, added_s: float = 0.0) -> Process:
        """Wait for a batch of that instance to take this visit, and for the batch's end."""
        yield self._join(instance, service_time_s, added_s).served

    def serve_and_keep(
        self, instance: int, service_time_s: float, added_s: float = 0.0
    ) -> Generator[simpy.Event, object, Kept]:
        """Serve as `serve` does, but return the batch's worker, still held."""
        batch = yield self._join(instance, service_time_s, added_s, keeps=True).served
        assert isinstance(batch, _KeptBatch)  # noqa: S101 - for the type checker
        return batch

    def serve_unfollowed(self, instance: int, service_time_s: float, added_s: float = 0.0) -> None:
        """Serve a visit whose end nobody waits for."""
        self._join(instance, service_time_s, added_s)

    def go_on(self, number: int, *, after: int) -> None:
        """Let a worker go on whose batch of so many visits is over, at once or after its rest."""
        gathers_s = self.sample.habits.gathers_s
        if gathers_s and after < self.sample.habits.batch:
            then(self._env.timeout(gathers_s), lambda _rested: self._take_next(number))
        else:
            self._take_next(number)

    def _take_next(self, number: int) -> None:
        instance = self._gatherings[number]
        if instance.waiting:
            self._take(number)
        else:
            instance.free += 1

    def _join(
        self, number: int, service_time_s: float, added_s: float, *, keeps: bool = False
    ) -> _Visit:
        instance = self._gatherings[number]
        visit = _Visit(self._env.event(), self._env.now, service_time_s, added_s, keeps)
        instance.present += 1
        instance.waiting.append(visit)
        if instance.free:
            visit.service_time_s += self.sample.habits.wake_up_s
            instance.free -= 1
            self._take(number)
        return visit

    def _take(self, number: int) -> None:
        instance = self._gatherings[number]
        together = [
            instance.waiting.popleft()
            for _ in range(min(self.sample.habits.batch, len(instance.waiting)))
        ]
        self._env.process(self._served_together(number, together))

    def _served_together(self, number: int, together: Sequence[_Visit]) -> Process:
        batch_s = together[0].service_time_s + sum(visit.added_s for visit in together)
        wait_s = self.sample.habits.wait_s
        self.begin(together[0].arrived_s, batch_s + wait_s)
        for visit in together[1:]:
            self.begin(visit.arrived_s, 0.0)
        if self._host is None:
            yield self._env.timeout(batch_s)
        else:
            yield from self._host.serve(self._host.pick(), batch_s)
        if wait_s:
            yield self._env.timeout(wait_s)
        self._end(number, together)

    def _end(self, number: int, together: Sequence[_Visit]) -> None:
        self._gatherings[number].present -= len(together)
        keepers = sum(visit.keeps for visit in together)
        batch = _KeptBatch(self, number, visits=len(together), keepers=keepers)
        for visit in together:
            visit.served.succeed(batch)
        if not keepers:
            self.go_on(number, after=len(together))


class _KeptBatch:
    """A worker that stays with a batch until the last of its visits gives it back."""

    def __init__(self, station: BatchStation, number: int, *, visits: int, keepers: int) -> None:
        self._station = station
        self._number = number
        self._visits = visits
        self._keepers = keepers

    def release(self, *, now_s: float) -> None:
        """Give the worker back for one visit."""
        del now_s  # Its time is not counted: only what it does at its host is work.
        self._keepers -= 1
        if not self._keepers:
            self._station.go_on(self._number, after=self._visits)

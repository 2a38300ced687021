"""A station whose workers serve the visits that wait together, such as a store's group commits."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import simpy

from sim.engine.sampling import BoxSample
from sim.engine.stations import Process, Station, then


@dataclass(slots=True)
class _Visit:
    """A visit that waits for its batch; `served` happens when that is done."""

    served: simpy.Event
    arrived_s: float
    service_time_s: float


@dataclass(slots=True)
class _Instance:
    """Workers that are free, visits that wait, and visits waiting or in service."""

    free: int
    waiting: deque[_Visit]
    present: int = 0


class BatchStation(Station):
    """A worker that is free takes all visits that wait, as far as a batch goes.

    The first visit's service time is the batch's, and no visit leaves before the others. What comes
    meanwhile waits for the next batch (the general bulk service rule with batches from 1).

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

    def serve(self, instance: int, service_time_s: float) -> Process:
        """Wait for a batch of that instance to take this visit, and for the batch's end."""
        yield self._join(instance, service_time_s)

    def serve_unfollowed(self, instance: int, service_time_s: float) -> None:
        """Serve a visit whose end nobody waits for."""
        self._join(instance, service_time_s)

    def _join(self, number: int, service_time_s: float) -> simpy.Event:
        instance = self._gatherings[number]
        visit = _Visit(self._env.event(), self._env.now, service_time_s)
        instance.present += 1
        instance.waiting.append(visit)
        if instance.free:
            visit.service_time_s += self.sample.habits.wake_up_s
            instance.free -= 1
            self._take(instance)
        return visit.served

    def _take(self, instance: _Instance) -> None:
        together = [
            instance.waiting.popleft()
            for _ in range(min(self.sample.habits.batch, len(instance.waiting)))
        ]
        batch_s = together[0].service_time_s
        self.begin(together[0].arrived_s, batch_s)
        for visit in together[1:]:
            self.begin(visit.arrived_s, 0.0)
        if self._host is None:
            then(self._env.timeout(batch_s), lambda _: self._end(instance, together))
        else:
            self._env.process(self._served_there(self._host, batch_s, instance, together))

    def _served_there(
        self, host: Station, batch_s: float, instance: _Instance, together: Sequence[_Visit]
    ) -> Process:
        yield from host.serve(host.pick(), batch_s)
        self._end(instance, together)

    def _end(self, instance: _Instance, together: Sequence[_Visit]) -> None:
        instance.present -= len(together)
        for visit in together:
            visit.served.succeed()
        if instance.waiting:
            self._take(instance)
        else:
            instance.free += 1

"""The boxes of the design: what one instance of each does, holds and costs."""

from typing import Literal

from pydantic import model_validator

from scenarios.assumption import (
    BytesPerSecond,
    Number,
    PositiveBytes,
    PositiveNumber,
    PositiveSeconds,
    Seconds,
    UsdPerHour,
)
from scenarios.errors import ImpossibleValueError
from scenarios.section import Name, Section, Whole, WholeOrNone


class HistogramBin(Section):
    """A measured service time.

    Attributes:
        time: seconds of a visit.
        weight: how often it was seen; only ratios count.
    """

    time: PositiveSeconds
    weight: PositiveNumber


class Box(Section):
    """One kind of machine or managed service; the fleet has some instances of it in each region.

    Attributes:
        kind: `edge`, `service`, `store`, `cache` or `queue`; a cache holds its data in memory,
            a store on disk.
        service_time: mean seconds that a worker spends on a visit.
        scv: squared coefficient of variation of the service time (1 is exponential).
        service_histogram: measured service times; where given, they count, and `service_time` and
            `scv` do not.
        runs_on: the box whose workers do this box's work; it then has no instances, and costs
            nothing, of its own. With `batch`, workers of its own gather visits, and have each batch
            served there.
        batch: visits that a worker may serve together, in the time of the first of them.
        time_per_visit: seconds that each visit adds to its batch, beside the first one's service.
        wait: seconds that a batch takes after it was served, while the workers of `runs_on` are
            free again: the disk's part of a commit.
        gathers: seconds that a worker rests after a batch that was not full, while visits gather
            for the next; one that comes later is served at once.
        wake_up: seconds that a worker who was idle takes before it serves.
        wake_up_work: seconds of work that it adds to the visit that wakes the worker.
        cold_work: seconds that it adds besides after a long sleep, when nothing that the worker
            needs is left in the processor's caches.
        cools_in: seconds of sleep after which 63 % of `cold_work` are added: 1 - exp(-t/cools_in)
            after t.
        turn: seconds that a visit keeps a worker before the next in line has its turn; until it is
            served if not given.
        workers: visits, or batches, that one instance serves at a time.
        memory, disk: bytes of one instance.
        bandwidth: bytes a second that one instance can send.
        balancer: how a visit finds its instance.
        spare: instances beyond the need, the k of N+k.
        holds: the name of an estimate, in bytes, of the data that the whole box keeps.
        copies: copies of that data in a region.
        mttf, mttr: mean seconds to failure and to repair of one instance.
        price: USD for an hour of one instance; zero where volume is paid for instead.
    """

    kind: Literal["edge", "service", "store", "cache", "queue"]
    service_time: PositiveSeconds | None = None
    scv: Number | None = None
    service_histogram: tuple[HistogramBin, ...] = ()
    runs_on: Name | Literal[""] = ""
    batch: Whole = 1
    time_per_visit: Seconds | None = None
    wait: Seconds | None = None
    gathers: Seconds | None = None
    wake_up: Seconds | None = None
    wake_up_work: Seconds | None = None
    cold_work: Seconds | None = None
    cools_in: PositiveSeconds | None = None
    turn: PositiveSeconds | None = None
    workers: Whole
    memory: PositiveBytes
    disk: PositiveBytes | None = None
    bandwidth: BytesPerSecond
    balancer: Literal["random", "round_robin", "least_connections"] = "random"
    spare: WholeOrNone = 1
    holds: str = ""
    copies: Whole = 1
    mttf: PositiveSeconds
    mttr: PositiveSeconds
    price: UsdPerHour

    @model_validator(mode="after")
    def _makes_sense(self) -> "Box":
        if self.service_time is None and not self.service_histogram:
            raise ImpossibleValueError(
                found="no service time", expected="service_time or service_histogram"
            )
        for key in ("time_per_visit", "wait", "gathers"):
            if getattr(self, key) is not None and self.batch == 1:
                raise ImpossibleValueError(
                    key=key, found=f"{key} without batch", expected="batch of two visits or more"
                )
        if self.cold_work is not None and self.cools_in is None:
            raise ImpossibleValueError(
                key="cold_work", found="cold_work without cools_in", expected="both"
            )
        return self

    @property
    def stands_alone(self) -> bool:
        """Whether it has instances with workers of its own."""
        return not self.runs_on or self.batch > 1

    @property
    def goes_on(self) -> bool:
        """Whether its work goes on in the turn of the step before: code of the same thread.

        A store's runs on a thread of its own, for which the code that calls it waits.
        """
        return not self.stands_alone and self.kind not in {"store", "queue"}

    @property
    def mean_service_time_s(self) -> float:
        """Mean seconds of a visit, from the histogram where there is one."""
        if self.service_time is not None and not self.service_histogram:
            return self.service_time
        weights = sum(entry.weight for entry in self.service_histogram)
        return sum(entry.time * entry.weight for entry in self.service_histogram) / weights

    @property
    def service_scv(self) -> float:
        """Squared coefficient of variation of the service time; 1 where nothing is said."""
        if not self.service_histogram:
            return 1.0 if self.scv is None else self.scv
        weights = sum(entry.weight for entry in self.service_histogram)
        square = sum(entry.time**2 * entry.weight for entry in self.service_histogram) / weights
        return square / self.mean_service_time_s**2 - 1

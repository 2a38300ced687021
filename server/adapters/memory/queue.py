"""The message queue and the idempotency keys in memory."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count

from server.model.events import Backlog, DeadLetter, Delivery, Event, Queue
from server.model.records import Counts
from server.ports.clock import Clock
from server.ports.idempotency import KeyedAnswer, Reservation


@dataclass
class _Queued:
    delivery: Delivery
    due_at_ms: int = 0


@dataclass
class Memory:
    """What the stores share: the queue that events go to with their rows, and the counts."""

    clock: Clock
    queued: dict[int, _Queued] = field(default_factory=dict)
    dead: dict[int, DeadLetter] = field(default_factory=dict)
    likes: Counter[int] = field(default_factory=Counter)
    comments: Counter[int] = field(default_factory=Counter)
    listeners: list[Callable[[Mapping[int, Counts]], None]] = field(default_factory=list)
    arrived: dict[Queue, asyncio.Event] = field(
        default_factory=lambda: {queue: asyncio.Event() for queue in Queue}
    )
    _sequences: Iterator[int] = field(default_factory=lambda: count(1))

    def queue(self, event: Event, *, queued_at_ms: int | None = None) -> None:
        """Put an event into its queue."""
        sequence = next(self._sequences)
        at_ms = self.clock.now_ms() if queued_at_ms is None else queued_at_ms
        delivery = Delivery(sequence, event, attempts=0, queued_at_ms=at_ms)
        self.queued[sequence] = _Queued(delivery)
        self.arrived[event.queue].set()

    def acknowledge(self, sequences: Iterable[int]) -> None:
        """Forget events whose effects are done."""
        for sequence in sequences:
            self.queued.pop(sequence, None)

    def counts(self, post_id: int) -> Counts:
        """Return a post's counts."""
        return Counts(self.likes[post_id], self.comments[post_id])

    def count(self, post_id: int, *, likes: int = 0, comments: int = 0) -> None:
        """Add to a post's counts."""
        self.likes[post_id] += likes
        self.comments[post_id] += comments
        for listener in self.listeners:
            listener({post_id: self.counts(post_id)})


class MemoryQueue:
    """Keeps the port `MessageQueue`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def wait(self, queue: Queue, *, timeout_s: float) -> None:
        """Return when an event may have come, or after the timeout."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._memory.arrived[queue].wait(), timeout_s)
        self._memory.arrived[queue].clear()

    async def put(self, events: Sequence[Event], *, queued_at_ms: int) -> None:
        """Add events that come with no row of their own, but none that waits already."""
        waiting = {queued.delivery.event for queued in self._memory.queued.values()}
        for event in dict.fromkeys(events):
            if event not in waiting:
                self._memory.queue(event, queued_at_ms=queued_at_ms)

    async def due(self, queue: Queue, *, now_ms: int, limit: int) -> Sequence[Delivery]:
        """Return the oldest events that are not put off."""
        due = [
            queued.delivery
            for queued in self._memory.queued.values()
            if queued.delivery.event.queue == queue and queued.due_at_ms <= now_ms
        ]
        return sorted(due, key=lambda delivery: delivery.sequence)[:limit]

    async def acknowledge(self, sequences: Iterable[int]) -> None:
        """Forget events whose effects are done."""
        self._memory.acknowledge(sequences)

    async def put_off(self, sequence: int, *, until_ms: int) -> None:
        """Count a failed attempt, and deliver the event again after a time."""
        queued = self._memory.queued[sequence]
        queued.delivery = queued.delivery._replace(attempts=queued.delivery.attempts + 1)
        queued.due_at_ms = until_ms

    async def bury(self, sequence: int, *, reason: str, now_ms: int) -> None:
        """Move an event to the dead letters."""
        queued = self._memory.queued.pop(sequence, None)
        if queued:
            event = queued.delivery.event
            self._memory.dead[sequence] = DeadLetter(
                sequence, event.queue, event, reason, buried_at_ms=now_ms
            )

    async def backlog(self, queue: Queue) -> Backlog:
        """Return what waits."""
        waiting = [
            queued.delivery.queued_at_ms
            for queued in self._memory.queued.values()
            if queued.delivery.event.queue == queue
        ]
        dead = sum(letter.queue == queue for letter in self._memory.dead.values())
        return Backlog(len(waiting), min(waiting, default=None), dead)

    async def dead_letters(self, *, after: int = 0, limit: int) -> Sequence[DeadLetter]:
        """Return the oldest dead letters above a place in the queue."""
        dead = sorted(self._memory.dead.values(), key=lambda letter: letter.sequence)
        return [letter for letter in dead if letter.sequence > after][:limit]

    async def replay(self, sequences: Iterable[int]) -> int:
        """Put dead letters back into their queues; how many."""
        letters = [self._memory.dead.pop(s) for s in sequences if s in self._memory.dead]
        for letter in letters:
            self._memory.queue(letter.event)
        return len(letters)


class MemoryIdempotencyKeys:
    """Keeps the port `IdempotencyKeys`."""

    def __init__(self) -> None:
        self._reservations: dict[bytes, Reservation] = {}

    async def reserve(self, digest: bytes, reservation: Reservation) -> Reservation:
        """Keep a reservation unless the key has one; returns the one that stands."""
        return self._reservations.setdefault(digest, reservation)

    async def answer(self, digest: bytes, answer: KeyedAnswer) -> None:
        """Keep the answer of a request."""
        self._reservations[digest] = replace(self._reservations[digest], answer=answer)

    async def release(self, digest: bytes) -> None:
        """Forget a key whose request failed."""
        if digest in self._reservations and self._reservations[digest].answer is None:
            del self._reservations[digest]

    async def purge(self, *, reserved_before_id: int) -> None:
        """Forget the keys reserved before an id was made."""
        for digest, reservation in list(self._reservations.items()):
            if reservation.reserved_id < reserved_before_id:
                del self._reservations[digest]

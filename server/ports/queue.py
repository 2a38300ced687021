"""The message queue: events from the stores' writes, delivered to each consumer at least once."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from server.model.events import Backlog, DeadLetter, Delivery, Event, Queue


class MessageQueue(Protocol):
    """Events in order, kept until they are acknowledged."""

    async def wait(self, queue: Queue, *, timeout_s: float) -> None:
        """Return when an event may have come, or after the timeout."""
        ...

    async def put(self, events: Sequence[Event], *, queued_at_ms: int) -> None:
        """Add events that come with no row of their own, but none that waits already."""
        ...

    async def due(self, queue: Queue, *, now_ms: int, limit: int) -> Sequence[Delivery]:
        """Return the oldest events that are not put off.

        Raises:
            UnreadableEventsError: if some of them cannot be read; all others can when those are
                buried.
        """
        ...

    async def acknowledge(self, sequences: Iterable[int]) -> None:
        """Forget events whose effects are done."""
        ...

    async def put_off(self, sequence: int, *, until_ms: int) -> None:
        """Count a failed attempt, and deliver the event again after a time."""
        ...

    async def bury(self, sequence: int, *, reason: str, now_ms: int) -> None:
        """Move an event to the dead letters."""
        ...

    async def backlog(self, queue: Queue) -> Backlog:
        """Return what waits."""
        ...

    async def dead_letters(self, *, after: int = 0, limit: int) -> Sequence[DeadLetter]:
        """Return the oldest dead letters above a place in the queue."""
        ...

    async def replay(self, sequences: Iterable[int]) -> int:
        """Put dead letters back into their queues; how many."""
        ...

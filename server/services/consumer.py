"""What the consumers of the message queue share: delivery, retries with backoff, dead letters."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from server.errors import (
    DamagedObjectError,
    OverloadedError,
    StorageError,
    UnreadableEventsError,
    UnrenderableError,
)
from server.model.events import Delivery, Event, Queue
from server.ports.clock import Clock
from server.ports.queue import MessageQueue
from server.ports.telemetry import Telemetry

BATCH = 256
ATTEMPTS = 5
FIRST_RETRY_MS = 200
LONGEST_WAIT_S = 0.5
# Under load, events gather this long: a batch makes some trips to the stores, however small it is.
GATHERING_S = 0.02

# What another try would not change.
HOPELESS = (UnrenderableError, DamagedObjectError)

Consume = Callable[[Sequence[Event]], Awaitable[None]]


class ConsumeAndAcknowledge(Protocol):
    """Has the effects of events on disk, and acknowledges those that are told, in one commit."""

    async def __call__(
        self, events: Sequence[Event], /, *, acknowledging: Sequence[int] = ()
    ) -> None:
        """`acknowledging` are places in the queue."""
        ...


# Told of an event that is given up, and why, before it is buried.
GiveUp = Callable[[Event, Exception], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ConsumerSurroundings:
    """What every consumer works with: where events come from, the time, and who is told."""

    messages: MessageQueue
    clock: Clock
    telemetry: Telemetry


class Consumer:
    """Takes a queue's events in order, and acknowledges them when their effects are on disk.

    What dies in between is delivered again, so effects must not mind coming twice.
    """

    def __init__(
        self,
        queue: Queue,
        consume: Consume,
        around: ConsumerSurroundings,
        *,
        batch: int = BATCH,
        give_up: GiveUp | None = None,
    ) -> None:
        self.queue = queue
        self._batch = batch
        self._consume = consume
        self._give_up = give_up
        self._messages = around.messages
        self._clock = around.clock
        self._telemetry = around.telemetry

    async def run(self) -> None:
        """Consume until cancelled."""
        while True:
            try:
                taken = await self.step()
            except (StorageError, OverloadedError):
                # Not the events' fault: they wait until the store answers again.
                await asyncio.sleep(LONGEST_WAIT_S)
            else:
                if taken < self._batch:
                    if taken:
                        await asyncio.sleep(GATHERING_S)
                    # What came meanwhile is told at once.
                    await self._messages.wait(self.queue, timeout_s=LONGEST_WAIT_S)

    async def step(self) -> int:
        """Consume the next batch; how many events it had."""
        batch = await self._due()
        if not batch:
            return 0
        try:
            await self._deliver(batch)
        except (StorageError, OverloadedError):
            raise
        except Exception:  # noqa: BLE001 - one of them is at fault: find out which
            for delivery in batch:
                await self._deliver_alone(delivery)
        return len(batch)

    async def _due(self) -> Sequence[Delivery]:
        """Return the next batch; what cannot be read, and so never delivered, is set aside."""
        while True:
            now_ms = self._clock.now_ms()
            try:
                return await self._messages.due(self.queue, now_ms=now_ms, limit=self._batch)
            except UnreadableEventsError as error:
                for sequence, reason in error.reasons.items():
                    await self._bury(sequence, f"UnreadableEventError: {reason}")
                    self._tell_unreadable(sequence, reason)

    def _tell_unreadable(self, sequence: int, reason: str) -> None:
        """Have it in the log: nobody of ours has written such a thing."""
        message = (
            f"event {sequence} of {self.queue} cannot be read and is a dead letter now: {reason}"
        )
        asyncio.get_running_loop().call_exception_handler({"message": message})

    async def _deliver(self, batch: Sequence[Delivery]) -> None:
        await self._take(batch)
        now_ms = self._clock.now_ms()
        for delivery in batch:
            self._telemetry.delivered(
                self.queue, age_s=max(now_ms - delivery.queued_at_ms, 0) / 1000
            )

    async def _take(self, batch: Sequence[Delivery]) -> None:
        with self._telemetry.span(self.queue):
            await self._consume(_events(batch))
        await self._messages.acknowledge(_sequences(batch))

    async def _deliver_alone(self, delivery: Delivery) -> None:
        try:
            await self._deliver([delivery])
        except (StorageError, OverloadedError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the event is kept with it
            await self._fail(delivery, error)

    async def _fail(self, delivery: Delivery, error: Exception) -> None:
        if isinstance(error, HOPELESS) or delivery.attempts + 1 >= ATTEMPTS:
            if self._give_up:
                await self._give_up(delivery.event, error)
            await self._bury(delivery.sequence, f"{type(error).__name__}: {error}")
        else:
            until_ms = self._clock.now_ms() + FIRST_RETRY_MS * 2**delivery.attempts
            await self._messages.put_off(delivery.sequence, until_ms=until_ms)
            self._telemetry.retried(self.queue)

    async def _bury(self, sequence: int, reason: str) -> None:
        await self._messages.bury(sequence, reason=reason, now_ms=self._clock.now_ms())
        self._telemetry.buried(self.queue)


class OneCommitConsumer(Consumer):
    """For effects that are in the queue's own file: they and the acknowledgement are one commit."""

    def __init__(
        self, queue: Queue, consume: ConsumeAndAcknowledge, around: ConsumerSurroundings
    ) -> None:
        super().__init__(queue, consume, around)
        self._consume_and_acknowledge = consume

    async def _take(self, batch: Sequence[Delivery]) -> None:
        with self._telemetry.span(self.queue):
            await self._consume_and_acknowledge(_events(batch), acknowledging=_sequences(batch))


class SideBySideConsumer(Consumer):
    """Takes up to `batch` events at once, each by itself: for work that takes seconds.

    A long one holds up no other. The service decides how many it works on at the same time.
    """

    async def run(self) -> None:
        """Consume until cancelled."""
        taken: set[int] = set()
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    fresh = await self._fresh(taken)
                except (StorageError, OverloadedError):
                    # Nothing is known to be due until the store answers again.
                    await asyncio.sleep(LONGEST_WAIT_S)
                    continue
                for delivery in fresh:
                    taken.add(delivery.sequence)
                    tasks.create_task(self._settle(delivery, taken))
                if not fresh:
                    await self._messages.wait(self.queue, timeout_s=LONGEST_WAIT_S)

    async def step(self) -> int:
        """Consume the next batch; how many events it had."""
        batch = await self._fresh(frozenset())
        await asyncio.gather(*(self._deliver_alone(delivery) for delivery in batch))
        return len(batch)

    async def _fresh(self, taken: AbstractSet[int]) -> Sequence[Delivery]:
        return [each for each in await self._due() if each.sequence not in taken]

    async def _settle(self, delivery: Delivery, taken: set[int]) -> None:
        try:
            await self._deliver_alone(delivery)
        except (StorageError, OverloadedError):
            # Not its fault: it is taken again when the store answers.
            await asyncio.sleep(LONGEST_WAIT_S)
        finally:
            taken.discard(delivery.sequence)


def _events(batch: Sequence[Delivery]) -> Sequence[Event]:
    return [delivery.event for delivery in batch]


def _sequences(batch: Sequence[Delivery]) -> Sequence[int]:
    return [delivery.sequence for delivery in batch]

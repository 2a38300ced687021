"""Makes the consumers of the queues."""

from dataclasses import dataclass

from server.model.events import Queue
from server.ports.clock import Clock
from server.ports.queue import MessageQueue
from server.ports.telemetry import Telemetry
from server.services.consumer import (
    BATCH,
    Consume,
    ConsumeAndAcknowledge,
    Consumer,
    OneCommitConsumer,
    SideBySideConsumer,
)
from server.services.media_processor import MediaProcessor

# Of each kind: of so many, the oldest, users take turns.
UPLOADS_IN_TURN = 1_024


@dataclass(frozen=True, slots=True)
class Consumers:
    """Makes the consumers of the queues."""

    messages: MessageQueue
    clock: Clock
    telemetry: Telemetry

    def in_order(self, queue: Queue, consume: Consume, *, batch: int = BATCH) -> Consumer:
        """Return one that takes batches."""
        return Consumer(
            queue,
            consume,
            messages=self.messages,
            clock=self.clock,
            telemetry=self.telemetry,
            batch=batch,
        )

    def in_one_commit(self, queue: Queue, consume: ConsumeAndAcknowledge) -> Consumer:
        """Return one whose effects and acknowledgements are one commit."""
        return OneCommitConsumer(
            queue,
            consume,
            messages=self.messages,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    def side_by_side(self, queue: Queue, processor: MediaProcessor) -> Consumer:
        """Return one that has each upload processed by itself."""
        return SideBySideConsumer(
            queue,
            processor.consume,
            messages=self.messages,
            clock=self.clock,
            telemetry=self.telemetry,
            batch=UPLOADS_IN_TURN,
            give_up=processor.give_up,
        )

"""Makes the consumers of the queues."""

from dataclasses import dataclass

from server.model.events import Queue
from server.services.consumer import (
    BATCH,
    Consume,
    ConsumeAndAcknowledge,
    Consumer,
    ConsumerSurroundings,
    OneCommitConsumer,
    SideBySideConsumer,
)
from server.services.media_processor import MediaProcessor

# Of each kind: of so many, the oldest, users take turns.
UPLOADS_IN_TURN = 1_024


@dataclass(frozen=True, slots=True)
class Consumers:
    """Makes the consumers of the queues."""

    around: ConsumerSurroundings

    def in_order(self, queue: Queue, consume: Consume, *, batch: int = BATCH) -> Consumer:
        """Return one that takes batches."""
        return Consumer(queue, consume, self.around, batch=batch)

    def in_one_commit(self, queue: Queue, consume: ConsumeAndAcknowledge) -> Consumer:
        """Return one whose effects and acknowledgements are one commit."""
        return OneCommitConsumer(queue, consume, self.around)

    def side_by_side(self, queue: Queue, processor: MediaProcessor) -> Consumer:
        """Return one that has each upload processed by itself."""
        return SideBySideConsumer(
            queue,
            processor.consume,
            self.around,
            batch=UPLOADS_IN_TURN,
            give_up=processor.give_up,
        )

"""What runs beside all requests, for as long as the server does."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from server.adapters.loop_lag import LoopLag
from server.adapters.sqlite.database import Database
from server.adapters.sqlite.stores import Databases
from server.errors import RequestError
from server.model.events import Backlog, Queue
from server.ports.queue import MessageQueue
from server.services.boxes import Boxes
from server.services.storage_watch import StorageWatch

# How soon the server notices that a full disk has room again.
PROBE_S = 1.0
MEASURE_S = 1.0
NO_BACKLOG = Backlog(events=0, oldest_queued_at_ms=None, dead_letters=0)


@dataclass(slots=True)
class Backlogs:
    """What waits in the queues, measured once in a while.

    Attributes:
        events: of all queues together: each request that adds one asks for it.
    """

    of: dict[Queue, Backlog] = field(default_factory=lambda: dict.fromkeys(Queue, NO_BACKLOG))
    events: int = 0

    async def measure(self, messages: MessageQueue) -> None:
        """Measure until cancelled."""
        while True:
            # A store that does not answer is told elsewhere; until then, what was measured stands.
            with suppress(RequestError):
                for queue in Queue:
                    self.of[queue] = await messages.backlog(queue)
                    self.events = sum(each.events for each in self.of.values())
            await asyncio.sleep(MEASURE_S)


class Background:
    """Consumers, housekeeping, and what is measured.

    Attributes:
        broken: done, with its error, when some of it has stopped unasked. A server without it would
            take posts that never arrive, so it has to end.
    """

    def __init__(
        self, boxes: Boxes, databases: Databases, watch: StorageWatch | None, lag: LoopLag
    ) -> None:
        self.backlogs = Backlogs()
        self.lag = lag
        self.broken: asyncio.Future[BaseException | None] = (
            asyncio.get_running_loop().create_future()
        )
        self._boxes = boxes
        self._databases = databases
        self._watch = watch
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin with all of it."""
        await self._boxes.feed_generator.start()
        if self._watch:
            await self._watch.look()
        main, feeds = self._databases.main, self._databases.feeds
        work = [
            self._boxes.run(),
            main.ended(),
            feeds.ended(),
            _probe(main, "posts_db"),
            _probe(feeds, "feeds_db"),
            self.backlogs.measure(self._boxes.stores.messages),
            self.lag.measure(),
            *([self._watch.run()] if self._watch else []),
        ]
        self._tasks = [asyncio.create_task(each) for each in work]
        for task in self._tasks:
            task.add_done_callback(self._note_end)

    async def stop(self) -> None:
        """Give all of it up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and not self.broken.done():
            self.broken.set_result(task.exception())
            task.get_loop().call_exception_handler(
                {"message": "work in the background has stopped", "exception": task.exception()}
            )


async def _probe(database: Database, box: str) -> None:
    """Write a little now and then while writing fails, to notice when there is room again."""
    while True:
        await asyncio.sleep(PROBE_S)
        if database.failure is not None:
            with suppress(RequestError):
                await database.prove_writable(box)

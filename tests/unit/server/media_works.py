"""A media processor with what it needs around it."""

from pathlib import Path

from server.adapters.memory.stores import memory_stores
from server.adapters.metrics import Metrics
from server.adapters.renditions.transcoder import ProcessTranscoder
from server.model.events import Event, EventKind, Queue
from server.model.media import Media
from server.ports.object_storage import ObjectStorage
from server.services.consumer import ConsumerSurroundings, SideBySideConsumer
from server.services.media_processor import MediaProcessor
from server.services.post_cache import PostCache
from tests.fakes.clock import ManualClock
from tests.fakes.object_storage import CountingStorage
from tests.unit.server.pictures import two_halves

OWNER = 7
IMAGE = Media(1, f"u/{OWNER}/abc.png", OWNER, "image/png", 100)
OTHER = Media(3, f"u/{OWNER}/ghi.png", OWNER, "image/png", 100)
VIDEO = Media(2, f"u/{OWNER}/def.mp4", OWNER, "video/mp4", 100)


class Works:
    """A media processor on stores in memory, with what it needs around it."""

    def __init__(self, tmp_path: Path, *, storage: ObjectStorage | None = None) -> None:
        self.clock = ManualClock()
        self.stores = memory_stores(clock=self.clock, max_entries=10)
        self.storage = CountingStorage({})
        self.post_cache = PostCache(self.stores.counters)
        self.scratch = tmp_path / "scratch"
        self.told: list[Media] = []
        self.processor = MediaProcessor(
            storage=storage or self.storage,
            media=self.stores.media,
            posts=self.stores.posts,
            post_cache=self.post_cache,
            transcoder=ProcessTranscoder(workers=2),
            scratch=self.scratch,
            telemetry=Metrics(),
            on_change=self.told.append,
        )
        self.consumer = SideBySideConsumer(
            Queue.MEDIA_PROCESSOR,
            self.processor.consume,
            ConsumerSurroundings(self.stores.messages, self.clock, Metrics()),
            give_up=self.processor.give_up,
        )

    async def upload(self, media: Media, content: bytes) -> None:
        self.storage.objects[media.key] = content, media.content_type
        await self.announce(media)

    async def announce(self, media: Media) -> None:
        await self.stores.media.add(media)
        event = Event(EventKind.UPLOADED, OWNER, media.media_id)
        await self.stores.media.complete(media.media_id, width=None, height=None, event=event)

    async def state(self, media: Media) -> Media:
        found = await self.stores.media.get(media.media_id)
        assert found is not None
        return found

    async def dead_letters(self) -> list[str]:
        return [each.reason for each in await self.stores.messages.dead_letters(limit=10)]


def png(tmp_path: Path) -> bytes:
    two_halves(400, 300).save(tmp_path / "a.png")
    return (tmp_path / "a.png").read_bytes()

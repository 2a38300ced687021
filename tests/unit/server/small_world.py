"""The boxes on SQLite with nobody consuming: a test says what happens, and when."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from scenarios.fanout import Fanout
from server.adapters.metrics import Metrics
from server.adapters.pictures import PillowPictures
from server.adapters.renditions.transcoder import ProcessTranscoder
from server.adapters.sqlite.stores import Databases, last_id_in, open_databases, sqlite_stores
from server.adapters.storage.local import LocalStorage
from server.adapters.storage.presigning import Presigner
from server.model.ids import LARGEST_ID, IdGenerator
from server.model.pages import PageRequest
from server.model.signatures import AccessKey
from server.services.boxes import Boxes, Surroundings, build_boxes
from server.services.feed_generator import FeedSettings
from server.services.post_writer import PostContent
from tests.fakes.clock import ManualClock
from tests.fakes.passwords import PlainPasswords

ALL = PageRequest(LARGEST_ID, 100)


@dataclass
class SmallWorld:
    """A server without its gateway."""

    boxes: Boxes
    databases: Databases
    clock: ManualClock
    metrics: Metrics

    async def user(self, name: str) -> int:
        """Make a user."""
        fresh_id = self.boxes.surroundings.ids.new()
        return (await self.boxes.accounts.sign_up(name, None, fresh_id=fresh_id)).user_id

    async def post(self, author_id: int, text: str = "text") -> int:
        """Make a post, a millisecond after whatever was before."""
        self.clock.ms += 1
        fresh_id = self.boxes.surroundings.ids.new()
        content = PostContent(text=text)
        return (await self.boxes.post_writer.create(author_id, content, fresh_id=fresh_id)).post_id

    async def follow(self, follower_id: int, followee_id: int) -> None:
        """Make one user follow another."""
        await self.boxes.follow_service.follow(follower_id, followee_id)

    async def feed(self, user_id: int) -> list[str | None]:
        """Return the texts of the newest posts of a feed."""
        page = await self.boxes.feed_reader.read(user_id, ALL)
        return [shown.post.text for shown in page.items]


def surroundings(
    clock: ManualClock, ids: IdGenerator, metrics: Metrics, *, folder: Path
) -> Surroundings:
    """Return what boxes need of the world, with an object storage that no client reaches."""
    presigner = Presigner("/storage", "media", AccessKey("id", "secret"), "us-east-1", clock)
    return Surroundings(
        clock,
        ids,
        secrets.token_bytes,
        PlainPasswords(),
        metrics,
        storage=LocalStorage(folder / "storage", presigner),
        pictures=PillowPictures(),
        transcoder=ProcessTranscoder(workers=1),
        scratch=folder / "scratch",
    )


@asynccontextmanager
async def small_world(
    folder: Path,
    *,
    max_entries: int = 800,
    fanout: Fanout = Fanout.PUSH,
    away_s: float = 7 * 86_400.0,
) -> AsyncIterator[SmallWorld]:
    """Open a world, and close it."""
    clock, metrics = ManualClock(), Metrics()
    databases = await open_databases(folder, clock=clock, telemetry=metrics)
    ids = IdGenerator(clock.now_ms, last_id=await last_id_in(databases))
    databases.main.last_id = lambda: ids.last_id
    boxes = build_boxes(
        sqlite_stores(databases, max_entries=max_entries),
        surroundings(clock, ids, metrics, folder=folder),
        feeds=FeedSettings(fanout=fanout, max_entries=max_entries, away_s=away_s),
        token_lifetime_s=60,
    )
    await boxes.feed_generator.start()
    try:
        yield SmallWorld(boxes, databases, clock, metrics)
    finally:
        await boxes.stop()
        await databases.close()

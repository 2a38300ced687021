"""Media of deleted posts is gone at once, uploads that nobody posts a day later; the rest stays."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from server.adapters.memory.stores import memory_stores
from server.adapters.metrics import Metrics
from server.adapters.pictures import PillowPictures
from server.adapters.renditions.transcoder import ProcessTranscoder
from server.adapters.storage.local import LocalStorage
from server.adapters.storage.presigning import Presigner
from server.errors import InvalidFieldError, NotFoundError
from server.model.delivery import Client
from server.model.events import Event, EventKind, Queue
from server.model.ids import IdGenerator
from server.model.media import Media, MediaState
from server.model.signatures import AccessKey
from server.services.boxes import Surroundings, build_boxes
from server.services.feed_generator import FeedSettings
from server.services.object_storage import ObjectReceiver
from server.services.post_writer import PostContent
from server.services.upload_signer import REMOVED_AT_ONCE
from tests.e2e.uploads import picture
from tests.fakes.clock import ManualClock
from tests.fakes.passwords import PlainPasswords

SITE = "http://127.0.0.1:8080"
DAY_MS = 86_400_000
JPEG = picture()
Result = TypeVar("Result")


class World:
    """The boxes on memory stores and a folder of objects, with one user."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        presigner = Presigner(
            "/storage", "media", AccessKey("id", "secret"), "us-east-1", self.clock
        )
        self.storage = LocalStorage(folder, presigner)
        self.folder = folder / "media"
        self.stores = memory_stores(self.clock, max_entries=5)
        numbers = iter(range(1, 10_000))
        surroundings = Surroundings(
            self.clock,
            IdGenerator(self.clock.now_ms),
            lambda size: next(numbers).to_bytes(size, "big"),
            PlainPasswords(),
            Metrics(),
            storage=self.storage,
            pictures=PillowPictures(),
            transcoder=ProcessTranscoder(workers=1),
            scratch=folder / "scratch",
        )
        self.boxes = build_boxes(
            self.stores, surroundings, feeds=FeedSettings(), token_lifetime_s=60
        )
        self.receiver = ObjectReceiver(self.storage, self.boxes.upload_signer)
        self.user_id = 0

    def fresh_id(self) -> int:
        self.clock.ms += 1
        return self.boxes.surroundings.ids.new()

    async def sign(self) -> Media:
        if not self.user_id:
            issued = await self.boxes.accounts.sign_up("ada", None, fresh_id=self.fresh_id())
            self.user_id = issued.user_id
        signed = await self.boxes.upload_signer.sign(
            self.user_id,
            content_type="image/jpeg",
            size_bytes=len(JPEG),
            fresh_id=self.fresh_id(),
            site_url="http://127.0.0.1:8080",
        )
        return signed.media

    async def take(self, media: Media) -> None:
        await self.receiver.take(
            media.key,
            bytes_of(JPEG),
            content_type=media.content_type,
            size_bytes=len(JPEG),
            replaces=False,
        )

    async def upload(self) -> Media:
        media = await self.sign()
        await self.take(media)
        return media

    async def post(self, media: Media) -> int:
        content = PostContent(media_url=media.path)
        shown = await self.boxes.post_writer.create(self.user_id, content, fresh_id=self.fresh_id())
        return shown.post_id

    async def withdraw(self) -> None:
        due = await self.stores.messages.due(Queue.UPLOAD_SIGNER, now_ms=2**62, limit=10)
        await self.boxes.upload_signer.consume([delivery.event for delivery in due])

    async def a_day_later(self) -> None:
        self.clock.ms += DAY_MS + 1_000
        await self.boxes.upload_signer.remove_orphans()

    def files(self) -> int:
        return sum(path.is_file() for path in self.folder.rglob("*"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.storage.close()


def now(work: Coroutine[object, object, Result]) -> Result:
    return asyncio.run(work)


async def bytes_of(data: bytes) -> AsyncIterator[bytes]:
    yield data


def media_events(world: World) -> list[int]:
    due = now(world.stores.messages.due(Queue.MEDIA_PROCESSOR, now_ms=2**62, limit=10))
    assert {delivery.event.kind for delivery in due} <= {EventKind.UPLOADED}
    return [delivery.event.subject_id for delivery in due]


def test_an_upload_tells_the_media_processor_once(world: World) -> None:
    media = now(world.upload())
    now(world.boxes.upload_signer.stored(media.key))
    now(world.post(media))

    assert media_events(world) == [media.media_id]


def test_an_upload_that_nobody_posts_is_gone_after_a_day(world: World) -> None:
    media, never_sent = now(world.upload()), now(world.sign())
    world.clock.ms += DAY_MS - 1_000
    now(world.boxes.upload_signer.remove_orphans())
    assert world.files() == 1

    now(world.a_day_later())

    assert world.files() == 0
    assert now(world.stores.media.get(media.media_id)) is None
    assert now(world.stores.media.get(never_sent.media_id)) is None
    with pytest.raises(InvalidFieldError):
        now(world.post(media))


def test_renditions_of_an_orphan_go_with_it(world: World, tmp_path: Path) -> None:
    media = now(world.upload())
    (tmp_path / "rendition").write_bytes(b"small")
    for name in ("320.webp", "hls/0.m4s"):
        key = f"{media.rendition_prefix}{name}"
        now(world.storage.put_file(key, tmp_path / "rendition", content_type="image/webp"))
    assert world.files() == 3

    now(world.a_day_later())

    assert world.files() == 0


def test_media_is_kept_for_as_long_as_a_post_shows_it(world: World) -> None:
    media = now(world.upload())
    posts = [now(world.post(media)) for _ in range(2)]
    now(world.a_day_later())
    now(world.boxes.post_writer.delete(posts[0], editor_id=world.user_id))
    now(world.withdraw())
    now(world.a_day_later())
    assert world.files() == 1

    now(world.boxes.post_writer.delete(posts[1], editor_id=world.user_id))
    now(world.withdraw())

    assert world.files() == 0
    assert now(world.stores.media.get(media.media_id)) is None


def test_media_of_a_deleted_post_is_gone_from_the_edge_before_it_is_from_the_disk(
    world: World,
) -> None:
    media = now(world.upload())
    post_id = now(world.post(media))
    assert now(world.boxes.cdn.find(media.key, Client())).key == media.key
    now(world.boxes.post_writer.delete(post_id, editor_id=world.user_id))
    world.storage.close()

    with pytest.raises(RuntimeError):
        now(world.withdraw())

    with pytest.raises(NotFoundError):
        now(world.boxes.cdn.find(media.key, Client()))
    assert world.files() == 1


def test_an_event_of_media_that_is_gone_or_shown_changes_nothing(world: World) -> None:
    media = now(world.upload())
    event = Event(EventKind.WITHDRAWN, world.user_id, media.media_id)

    now(world.boxes.upload_signer.consume([event, event._replace(subject_id=1)]))

    assert world.files() == 1
    assert now(world.post(media))


def test_more_orphans_than_are_removed_at_once_are_all_removed(world: World) -> None:
    for _ in range(2 * REMOVED_AT_ONCE + 1):
        now(world.sign())

    now(world.a_day_later())

    assert now(world.stores.media.orphans(since_before_ms=2**62, limit=10)) == []


def test_removal_that_dies_halfway_is_gone_on_with(world: World) -> None:
    media = now(world.upload())
    world.clock.ms += DAY_MS + 1_000
    # Marked, and then the server died.
    assert now(world.stores.media.orphans(since_before_ms=world.clock.ms - DAY_MS, limit=10))
    with pytest.raises(InvalidFieldError):
        now(world.post(media))

    now(world.boxes.upload_signer.remove_orphans())

    assert world.files() == 0
    assert now(world.stores.media.get(media.media_id)) is None


def test_an_upload_that_ends_when_it_is_removed_is_not_kept(world: World) -> None:
    media = now(world.sign())
    now(world.a_day_later())

    with pytest.raises(NotFoundError):
        now(world.take(media))

    assert world.files() == 0


def test_an_upload_whose_follow_up_was_lost_is_completed_by_its_post(
    world: World, tmp_path: Path
) -> None:
    media = now(world.sign())
    (tmp_path / "jpeg").write_bytes(JPEG)
    # As when the server dies between the last byte and the row, or on another's S3.
    now(world.storage.put_file(media.key, tmp_path / "jpeg", content_type="image/jpeg"))

    now(world.post(media))

    stored = now(world.stores.media.get(media.media_id))
    assert stored
    assert (stored.state, stored.width, stored.height) == (MediaState.STORED, 64, 48)
    assert media_events(world) == [media.media_id]


@pytest.mark.parametrize("data", [JPEG[:-1], b"x" * len(JPEG), b"<html>".ljust(len(JPEG))])
def test_what_came_past_the_server_is_looked_at_before_it_is_posted(
    world: World, tmp_path: Path, data: bytes
) -> None:
    media = now(world.sign())
    (tmp_path / "other").write_bytes(data)
    now(world.storage.put_file(media.key, tmp_path / "other", content_type="image/jpeg"))

    with pytest.raises(InvalidFieldError, match="mediaUrl: expected"):
        now(world.post(media))

    assert media_events(world) == []

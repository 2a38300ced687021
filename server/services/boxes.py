"""The boxes put together on whatever stores there are."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from server.errors import OverloadedError, StorageError
from server.limits import Limits
from server.model.events import Queue
from server.model.ids import IdGenerator, first_id_at
from server.ports.clock import Clock
from server.ports.object_storage import ObjectStorage
from server.ports.passwords import Passwords
from server.ports.pictures import Pictures
from server.ports.queue import MessageQueue
from server.ports.stores import Stores
from server.ports.telemetry import Telemetry
from server.ports.transcoder import Transcoder
from server.services.accounts import Accounts
from server.services.cdn import Cdn, CdnSettings
from server.services.comment_service import CommentService
from server.services.consumer import (
    BATCH,
    Consume,
    ConsumeAndAcknowledge,
    Consumer,
    OneCommitConsumer,
    SideBySideConsumer,
)
from server.services.feed_cache import FeedCache, FeedSources
from server.services.feed_generator import DAY_MS, FeedGenerator, FeedSettings
from server.services.feed_reader import FeedReader
from server.services.follow_service import FollowService
from server.services.like_service import LikeService
from server.services.likes_cache import LikesCache
from server.services.media_processor import MediaProcessor
from server.services.notification_service import NotificationService
from server.services.post_cache import PostCache
from server.services.post_reader import PostReader
from server.services.post_writer import PostWriter
from server.services.reading_notes import ReadingNotes
from server.services.upload_signer import UploadSettings, UploadSigner

HOUSEKEEPING_S = 3_600.0
# Posts whose edges are counted in one read, which others wait for.
RECONCILED_AT_ONCE = 100
# Of each kind: of so many, the oldest, users take turns.
UPLOADS_IN_TURN = 1_024


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the boxes need of the world.

    Attributes:
        scratch: a folder for what is being made.
        storage_failure: why the storage is known to be of no use; None if it is not.
    """

    clock: Clock
    ids: IdGenerator
    random_bytes: Callable[[int], bytes]
    passwords: Passwords
    telemetry: Telemetry
    storage: ObjectStorage
    pictures: Pictures
    transcoder: Transcoder
    scratch: Path
    storage_failure: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """What may be uploaded, and how much of it the edge caches."""

    uploads: UploadSettings = field(default_factory=UploadSettings)
    cdn: CdnSettings = field(default_factory=CdnSettings)


@dataclass(frozen=True, slots=True)
class Boxes:
    """The services of one server, with the caches and consumers between them."""

    stores: Stores
    accounts: Accounts
    upload_signer: UploadSigner
    cdn: Cdn
    post_writer: PostWriter
    post_reader: PostReader
    feed_generator: FeedGenerator
    feed_reader: FeedReader
    follow_service: FollowService
    like_service: LikeService
    comment_service: CommentService
    notification_service: NotificationService
    reading_notes: ReadingNotes
    feed_cache: FeedCache
    likes_cache: LikesCache
    post_cache: PostCache
    consumers: tuple[Consumer, ...]
    surroundings: Surroundings

    async def run(self) -> None:
        """Consume the queues and keep house until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for consumer in self.consumers:
                tasks.create_task(consumer.run())
            tasks.create_task(self._keep_house())

    async def stop(self) -> None:
        """Give up what is done in the background; reads ask for it again."""
        await self.feed_generator.stop()
        await self.reading_notes.stop()

    async def drain(self) -> None:
        """Consume what is due; returns when all consumers have caught up."""
        while sum([await consumer.step() for consumer in self.consumers]):
            pass

    async def _keep_house(self) -> None:
        while True:
            try:
                await self.feed_generator.drop_feeds_of_the_away()
                await self.accounts.purge()
                a_day_ago_ms = self.surroundings.clock.now_ms() - DAY_MS
                await self.stores.keys.purge(reserved_before_id=first_id_at(a_day_ago_ms))
                await self.likes_cache.reconcile(chunk=RECONCILED_AT_ONCE)
                # Last: the object storage may be another machine, and be gone for long.
                await self.upload_signer.remove_orphans()
            except (StorageError, OverloadedError):
                # It is done in the next hour, or the one after.
                pass
            await asyncio.sleep(HOUSEKEEPING_S)


def build_boxes(
    stores: Stores,
    surroundings: Surroundings,
    *,
    feeds: FeedSettings,
    token_lifetime_s: float,
    media: MediaSettings | None = None,
    most_streams: int = Limits.streams,
) -> Boxes:
    """Return the services on these stores."""
    ids, clock, telemetry = surroundings.ids, surroundings.clock, surroundings.telemetry
    accounts = Accounts(
        users=stores.users,
        passwords=surroundings.passwords,
        clock=clock,
        random_bytes=surroundings.random_bytes,
        token_lifetime_s=token_lifetime_s,
    )
    likes_cache = LikesCache(stores.counters, telemetry)
    feed_cache = FeedCache(
        follows=stores.follows,
        feeds=stores.feeds,
        telemetry=telemetry,
        max_entries=feeds.max_entries,
    )
    post_cache = PostCache(stores.counters)
    media = media or MediaSettings()
    cdn = Cdn(
        settings=media.cdn,
        storage=surroundings.storage,
        media=stores.media,
        telemetry=telemetry,
        monotonic_s=clock.monotonic_s,
    )
    upload_signer = UploadSigner(
        settings=media.uploads,
        storage=surroundings.storage,
        media=stores.media,
        pictures=surroundings.pictures,
        accounts=accounts,
        clock=clock,
        random_bytes=surroundings.random_bytes,
        on_removal=cdn.forget,
        storage_failure=surroundings.storage_failure,
    )
    media_processor = MediaProcessor(
        storage=surroundings.storage,
        media=stores.media,
        posts=stores.posts,
        post_cache=post_cache,
        transcoder=surroundings.transcoder,
        scratch=surroundings.scratch,
        telemetry=telemetry,
        on_change=cdn.forget,
    )
    post_reader = PostReader(
        posts=stores.posts,
        media=stores.media,
        post_cache=post_cache,
        likes_cache=likes_cache,
        accounts=accounts,
    )
    generator = FeedGenerator(
        settings=feeds, stores=stores, feed_cache=feed_cache, ids=ids, clock=clock
    )
    reading_notes = ReadingNotes(feeds=stores.feeds, clock=clock, away_s=feeds.away_s)
    notification_service = NotificationService(
        notifications=stores.notifications,
        post_reader=post_reader,
        comments=stores.comments,
        accounts=accounts,
        ids=ids,
        most_streams=most_streams,
    )
    consume = _Consumers(stores.messages, clock, telemetry)
    return Boxes(
        stores=stores,
        accounts=accounts,
        upload_signer=upload_signer,
        cdn=cdn,
        post_writer=PostWriter(
            posts=stores.posts,
            post_cache=post_cache,
            accounts=accounts,
            upload_signer=upload_signer,
        ),
        post_reader=post_reader,
        feed_generator=generator,
        feed_reader=FeedReader(
            feed_cache=feed_cache,
            posts=stores.posts,
            post_reader=post_reader,
            accounts=accounts,
            on_read=_after_reading(generator, reading_notes),
        ),
        follow_service=FollowService(
            follows=stores.follows, accounts=accounts, feed_cache=feed_cache, ids=ids
        ),
        like_service=LikeService(
            likes=stores.likes, post_reader=post_reader, accounts=accounts, ids=ids
        ),
        comment_service=CommentService(
            comments=stores.comments, post_reader=post_reader, accounts=accounts
        ),
        notification_service=notification_service,
        reading_notes=reading_notes,
        feed_cache=feed_cache,
        likes_cache=likes_cache,
        post_cache=post_cache,
        consumers=(
            consume.in_order(Queue.FEED_GENERATOR, generator.consume),
            # One at a time, so that a crash repeats no more than one.
            consume.in_order(Queue.WIDE_FAN_OUT, generator.consume_wide, batch=1),
            consume.in_one_commit(Queue.NOTIFICATION_SERVICE, notification_service.consume),
            consume.side_by_side(Queue.MEDIA_PROCESSOR, media_processor),
            consume.side_by_side(Queue.VIDEO_RENDITIONS, media_processor),
            consume.in_order(Queue.UPLOAD_SIGNER, upload_signer.consume),
        ),
        surroundings=surroundings,
    )


@dataclass(frozen=True, slots=True)
class _Consumers:
    """Makes the consumers of the queues."""

    messages: MessageQueue
    clock: Clock
    telemetry: Telemetry

    def in_order(self, queue: Queue, consume: Consume, *, batch: int = BATCH) -> Consumer:
        return Consumer(
            queue,
            consume,
            messages=self.messages,
            clock=self.clock,
            telemetry=self.telemetry,
            batch=batch,
        )

    def in_one_commit(self, queue: Queue, consume: ConsumeAndAcknowledge) -> Consumer:
        return OneCommitConsumer(
            queue,
            consume,
            messages=self.messages,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    def side_by_side(self, queue: Queue, processor: MediaProcessor) -> Consumer:
        return SideBySideConsumer(
            queue,
            processor.consume,
            messages=self.messages,
            clock=self.clock,
            telemetry=self.telemetry,
            batch=UPLOADS_IN_TURN,
            give_up=processor.give_up,
        )


def _after_reading(
    generator: FeedGenerator, notes: ReadingNotes
) -> Callable[[int, FeedSources], None]:
    def after_reading(user_id: int, sources: FeedSources) -> None:
        generator.rebuild_if_short(user_id, sources)
        if sources.feed is not None:
            notes.note(user_id)

    return after_reading

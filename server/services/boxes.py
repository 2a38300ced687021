"""The boxes put together on whatever stores there are."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from server.limits import Limits
from server.model.events import Queue
from server.model.ids import IdGenerator, first_id_at
from server.ports.clock import Clock
from server.ports.object_storage import ObjectStorage
from server.ports.passwords import Passwords
from server.ports.pictures import Pictures
from server.ports.stores import Stores
from server.ports.telemetry import Telemetry
from server.ports.transcoder import Transcoder
from server.services.accounts import Accounts
from server.services.cdn import Cdn, CdnSettings
from server.services.comment_service import CommentService
from server.services.consumer import Consumer, ConsumerSurroundings
from server.services.consumers import Consumers
from server.services.feed_cache import FeedCache, FeedSources
from server.services.feed_generator import DAY_MS, FeedGenerator, FeedSettings
from server.services.feed_reader import FeedReader
from server.services.follow_service import FollowService
from server.services.housekeeping import Housekeeping
from server.services.like_service import LikeService
from server.services.likes_cache import LikesCache
from server.services.media_processor import MediaProcessor
from server.services.notification_service import NotificationService
from server.services.post_cache import PostCache
from server.services.post_reader import PostReader
from server.services.post_writer import PostWriter
from server.services.reading_notes import ReadingNotes
from server.services.upload_signer import UploadSettings, UploadSigner

# Posts whose edges are counted in one read, which others wait for.
RECONCILED_AT_ONCE = 100


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
    housekeeping: Housekeeping
    surroundings: Surroundings

    async def run(self) -> None:
        """Consume the queues and keep house until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for consumer in self.consumers:
                tasks.create_task(consumer.run())
            tasks.create_task(self.housekeeping.run())

    async def stop(self) -> None:
        """Give up what is done in the background; reads ask for it again."""
        await self.feed_generator.stop()
        await self.reading_notes.stop()

    async def drain(self) -> None:
        """Consume what is due; returns when all consumers have caught up."""
        while sum([await consumer.step() for consumer in self.consumers]):
            pass


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
    making = _Making(
        stores, surroundings, feeds, media or MediaSettings(), token_lifetime_s, most_streams
    )
    return Boxes(
        stores=stores,
        accounts=making.accounts,
        upload_signer=making.upload_signer,
        cdn=making.cdn,
        post_writer=making.post_writer,
        post_reader=making.post_reader,
        feed_generator=making.feed_generator,
        feed_reader=making.feed_reader,
        follow_service=making.follow_service,
        like_service=making.like_service,
        comment_service=making.comment_service,
        notification_service=making.notification_service,
        reading_notes=making.reading_notes,
        feed_cache=making.feed_cache,
        likes_cache=making.likes_cache,
        post_cache=making.post_cache,
        consumers=making.consumers(),
        housekeeping=making.housekeeping(),
        surroundings=surroundings,
    )


@dataclass(frozen=True)
class _Making:
    """Makes each box once, when it is asked for, with the boxes that it needs."""

    stores: Stores
    around: Surroundings
    feeds: FeedSettings
    media: MediaSettings
    token_lifetime_s: float
    most_streams: int

    @cached_property
    def accounts(self) -> Accounts:
        return Accounts(
            users=self.stores.users,
            passwords=self.around.passwords,
            clock=self.around.clock,
            random_bytes=self.around.random_bytes,
            token_lifetime_s=self.token_lifetime_s,
        )

    @cached_property
    def cdn(self) -> Cdn:
        return Cdn(
            settings=self.media.cdn,
            storage=self.around.storage,
            media=self.stores.media,
            telemetry=self.around.telemetry,
            monotonic_s=self.around.clock.monotonic_s,
        )

    @cached_property
    def upload_signer(self) -> UploadSigner:
        return UploadSigner(
            settings=self.media.uploads,
            storage=self.around.storage,
            media=self.stores.media,
            pictures=self.around.pictures,
            accounts=self.accounts,
            clock=self.around.clock,
            random_bytes=self.around.random_bytes,
            on_removal=self.cdn.forget,
            storage_failure=self.around.storage_failure,
        )

    @cached_property
    def media_processor(self) -> MediaProcessor:
        return MediaProcessor(
            storage=self.around.storage,
            media=self.stores.media,
            posts=self.stores.posts,
            post_cache=self.post_cache,
            transcoder=self.around.transcoder,
            scratch=self.around.scratch,
            telemetry=self.around.telemetry,
            on_change=self.cdn.forget,
        )

    @cached_property
    def likes_cache(self) -> LikesCache:
        return LikesCache(self.stores.counters, self.around.telemetry)

    @cached_property
    def post_cache(self) -> PostCache:
        return PostCache(self.stores.counters)

    @cached_property
    def post_writer(self) -> PostWriter:
        return PostWriter(
            posts=self.stores.posts,
            post_cache=self.post_cache,
            accounts=self.accounts,
            upload_signer=self.upload_signer,
        )

    @cached_property
    def post_reader(self) -> PostReader:
        return PostReader(
            posts=self.stores.posts,
            media=self.stores.media,
            post_cache=self.post_cache,
            likes_cache=self.likes_cache,
            accounts=self.accounts,
        )

    @cached_property
    def feed_cache(self) -> FeedCache:
        return FeedCache(
            follows=self.stores.follows,
            feeds=self.stores.feeds,
            telemetry=self.around.telemetry,
            max_entries=self.feeds.max_entries,
        )

    @cached_property
    def feed_generator(self) -> FeedGenerator:
        return FeedGenerator(
            settings=self.feeds,
            stores=self.stores,
            feed_cache=self.feed_cache,
            ids=self.around.ids,
            clock=self.around.clock,
        )

    @cached_property
    def feed_reader(self) -> FeedReader:
        return FeedReader(
            feed_cache=self.feed_cache,
            posts=self.stores.posts,
            post_reader=self.post_reader,
            accounts=self.accounts,
            on_read=_after_reading(self.feed_generator, self.reading_notes),
            monotonic_s=self.around.clock.monotonic_s,
        )

    @cached_property
    def reading_notes(self) -> ReadingNotes:
        return ReadingNotes(
            feeds=self.stores.feeds, clock=self.around.clock, away_s=self.feeds.away_s
        )

    @cached_property
    def follow_service(self) -> FollowService:
        return FollowService(
            follows=self.stores.follows,
            accounts=self.accounts,
            feed_cache=self.feed_cache,
            ids=self.around.ids,
        )

    @cached_property
    def like_service(self) -> LikeService:
        return LikeService(
            likes=self.stores.likes,
            post_reader=self.post_reader,
            accounts=self.accounts,
            ids=self.around.ids,
        )

    @cached_property
    def comment_service(self) -> CommentService:
        return CommentService(
            comments=self.stores.comments, post_reader=self.post_reader, accounts=self.accounts
        )

    @cached_property
    def notification_service(self) -> NotificationService:
        return NotificationService(
            notifications=self.stores.notifications,
            post_reader=self.post_reader,
            comments=self.stores.comments,
            accounts=self.accounts,
            ids=self.around.ids,
            most_streams=self.most_streams,
        )

    def consumers(self) -> tuple[Consumer, ...]:
        generator, processor = self.feed_generator, self.media_processor
        consume = Consumers(
            ConsumerSurroundings(self.stores.messages, self.around.clock, self.around.telemetry)
        )
        return (
            consume.in_order(Queue.FEED_GENERATOR, generator.consume),
            # One at a time, so that a crash repeats no more than one.
            consume.in_order(Queue.WIDE_FAN_OUT, generator.consume_wide, batch=1),
            consume.in_one_commit(Queue.NOTIFICATION_SERVICE, self.notification_service.consume),
            consume.side_by_side(Queue.MEDIA_PROCESSOR, processor),
            consume.side_by_side(Queue.VIDEO_RENDITIONS, processor),
            consume.in_order(Queue.UPLOAD_SIGNER, self.upload_signer.consume),
        )

    def housekeeping(self) -> Housekeeping:
        return Housekeeping(
            [
                self.feed_generator.drop_feeds_of_the_away,
                self.accounts.purge,
                self._purge_keys,
                lambda: self.likes_cache.reconcile(chunk=RECONCILED_AT_ONCE),
                # Last: the object storage may be another machine, and be gone for long.
                self.upload_signer.remove_orphans,
            ]
        )

    async def _purge_keys(self) -> None:
        a_day_ago_ms = self.around.clock.now_ms() - DAY_MS
        await self.stores.keys.purge(reserved_before_id=first_id_at(a_day_ago_ms))


def _after_reading(
    generator: FeedGenerator, notes: ReadingNotes
) -> Callable[[int, FeedSources], None]:
    def after_reading(user_id: int, sources: FeedSources) -> None:
        generator.rebuild_if_short(user_id, sources)
        if sources.feed is not None:
            notes.note(user_id)

    return after_reading

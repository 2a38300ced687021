"""Events: what the message queue carries from the services that write to those that follow up."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Queue(StrEnum):
    """One queue for each box that consumes, by the name of the box.

    The feed generator has one more, for posts with so many followers that others would wait, and
    the media processor for videos, so that pictures do not wait for them.
    """

    FEED_GENERATOR = "feed_generator"
    WIDE_FAN_OUT = "wide_fan_out"
    NOTIFICATION_SERVICE = "notification_service"
    MEDIA_PROCESSOR = "media_processor"
    VIDEO_RENDITIONS = "video_renditions"
    UPLOAD_SIGNER = "upload_signer"


class EventKind(StrEnum):
    """What has happened."""

    POSTED = "posted"
    POSTED_WIDELY = "posted_widely"
    FOLLOWED = "followed"
    UNFOLLOWED = "unfollowed"
    LIKED = "liked"
    COMMENTED = "commented"
    REPLIED = "replied"
    UPLOADED = "uploaded"
    VIDEO_UPLOADED = "video_uploaded"
    WITHDRAWN = "withdrawn"


_QUEUES = {
    EventKind.POSTED: Queue.FEED_GENERATOR,
    EventKind.POSTED_WIDELY: Queue.WIDE_FAN_OUT,
    EventKind.FOLLOWED: Queue.FEED_GENERATOR,
    EventKind.UNFOLLOWED: Queue.FEED_GENERATOR,
    EventKind.LIKED: Queue.NOTIFICATION_SERVICE,
    EventKind.COMMENTED: Queue.NOTIFICATION_SERVICE,
    EventKind.REPLIED: Queue.NOTIFICATION_SERVICE,
    EventKind.UPLOADED: Queue.MEDIA_PROCESSOR,
    EventKind.VIDEO_UPLOADED: Queue.VIDEO_RENDITIONS,
    EventKind.WITHDRAWN: Queue.UPLOAD_SIGNER,
}


def kinds_of(queue: Queue) -> list[EventKind]:
    """Return the kinds of events that a queue carries."""
    return [kind for kind, of in _QUEUES.items() if of is queue]


class Event(NamedTuple):
    """Something that has happened, in ids.

    Attributes:
        kind: what has happened; an `EventKind`, but for a dead letter that nobody could read.
        user_id: who did it.
        subject_id: the post, the user who is followed, or the media.
        comment_id: the comment, if it is about one.
    """

    kind: str
    user_id: int
    subject_id: int
    comment_id: int | None = None

    @property
    def queue(self) -> Queue:
        """The queue that its consumer reads."""
        return _QUEUES[EventKind(self.kind)]


class Delivery(NamedTuple):
    """An event as its consumer gets it, once or more often.

    Attributes:
        sequence: its place in the queue.
        attempts: how often it has failed.
        queued_at_ms: when it was put there.
    """

    sequence: int
    event: Event
    attempts: int
    queued_at_ms: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that failed too often or cannot be read, and why.

    Attributes:
        event: where it cannot be read, as text, whatever is there.
    """

    sequence: int
    queue: Queue
    event: Event
    reason: str
    buried_at_ms: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in a queue: how many events, since when, and how many dead letters beside it."""

    events: int
    oldest_queued_at_ms: int | None
    dead_letters: int

"""The notification service: tells owners of posts, and who is replied to, what others did."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence

from server.errors import OverloadedError
from server.model.events import Event, EventKind
from server.model.ids import LARGEST_ID, IdGenerator, shard_of
from server.model.pages import Page, PageRequest, first_page
from server.model.records import Comment, Notification, NotificationKind
from server.ports.stores import Comments, Notifications
from server.services.accounts import Accounts
from server.services.post_cache import GONE
from server.services.post_reader import PostReader

STREAM_BATCH = 100
# One for each tab and device, and some that the server has not yet seen go.
STREAMS_OF_A_USER = 20

_OWNERS_KINDS = {
    EventKind.LIKED: NotificationKind.LIKE,
    EventKind.COMMENTED: NotificationKind.COMMENT,
    EventKind.REPLIED: NotificationKind.COMMENT,
}


class NotificationService:
    """The last step of the flows "like" and "comment", and what users see of it."""

    def __init__(
        self,
        *,
        notifications: Notifications,
        post_reader: PostReader,
        comments: Comments,
        accounts: Accounts,
        ids: IdGenerator,
        most_streams: int,
    ) -> None:
        self._notifications = notifications
        self._post_reader = post_reader
        self._comments = comments
        self._accounts = accounts
        self._ids = ids
        self._most_streams = most_streams
        self._streams: dict[int, set[asyncio.Event]] = defaultdict(set)
        self._open_streams = 0
        self._is_stopping = False

    async def consume(self, events: Sequence[Event], *, acknowledging: Sequence[int] = ()) -> None:
        """Notify owners of posts and authors of comments; an event that comes twice, once."""
        post_ids = list({event.subject_id for event in events})
        # Who has liked or commented has just looked at the post: it is in memory.
        posts = zip(post_ids, await self._post_reader.hydrated(post_ids), strict=True)
        owners = {post_id: shown.author_id for post_id, shown in posts if shown is not GONE}
        notifications = [
            self._notification(event, kind, user_id=user_id)
            for event in events
            if event.subject_id in owners
            for user_id, kind in (await self._told(event, owners[event.subject_id])).items()
        ]
        await self._notifications.add(notifications, acknowledging=acknowledging)
        for user_id in {notification.user_id for notification in notifications}:
            self._wake(user_id)

    @property
    def open_streams(self) -> int:
        """How many streams are open."""
        return self._open_streams

    async def of_user(self, user_id: int, page: PageRequest) -> Page[Notification]:
        """Return a user's notifications, newest first.

        Raises:
            NotFoundError: if there is no such user.
        """
        await self._accounts.expect(user_id)
        found = await self._notifications.of_user(user_id, page.and_one_more)
        return first_page(found, limit=page.limit, id_of=lambda item: item.notification_id)

    async def mark_read(self, user_id: int, *, up_to: int) -> None:
        """Mark a user's notifications up to one as read.

        Raises:
            NotFoundError: if there is no such user.
        """
        await self._accounts.expect(user_id)
        await self._notifications.mark_read(user_id, up_to=up_to)

    async def stream(
        self, user_id: int, *, after: int | None, heartbeat_s: float
    ) -> AsyncGenerator[Sequence[Notification]]:
        """Yield notifications above an id as they come, oldest first; nothing at a heartbeat.

        What comes first may be nothing, too: the stream is open. Without an id it starts from now.
        Ends when the server stops.

        Raises:
            NotFoundError: if there is no such user.
            OverloadedError: if too many streams are open, of this user or of all.
        """
        await self._accounts.expect(user_id)
        last_id = await self._latest(user_id) if after is None else after
        self._expect_room(user_id)
        woken = asyncio.Event()
        self._streams[user_id].add(woken)
        self._open_streams += 1
        is_heartbeat = True
        try:
            while not self._is_stopping:
                woken.clear()
                found = await self._notifications.after(user_id, last_id, limit=STREAM_BATCH)
                if found or is_heartbeat:
                    yield found
                if found:
                    last_id, is_heartbeat = found[-1].notification_id, False
                else:
                    is_heartbeat = not await _woken_within(woken, heartbeat_s)
        finally:
            self._open_streams -= 1
            self._streams[user_id].discard(woken)
            if not self._streams[user_id]:
                del self._streams[user_id]

    def _expect_room(self, user_id: int) -> None:
        is_full = self._open_streams >= self._most_streams
        if is_full or len(self._streams.get(user_id, ())) >= STREAMS_OF_A_USER:
            raise OverloadedError(box="notification_service")

    async def _latest(self, user_id: int) -> int:
        """Return the id of a user's latest notification on disk.

        One consumer makes the ids and writes them in their order: whatever comes later is above.
        """
        found = await self._notifications.of_user(user_id, PageRequest(LARGEST_ID, 1))
        return found[0].notification_id if found else 0

    def stop(self) -> None:
        """End all streams."""
        self._is_stopping = True
        for user_id in list(self._streams):
            self._wake(user_id)

    async def _told(self, event: Event, owner_id: int) -> Mapping[int, NotificationKind]:
        """Return who is told of an event, each once, and as what; nobody of what they did."""
        told = {owner_id: _OWNERS_KINDS[EventKind(event.kind)]}
        if event.kind == EventKind.REPLIED:
            parent = await self._answered(event)
            if parent is not None:
                told[parent.author_id] = NotificationKind.REPLY
        return {user_id: kind for user_id, kind in told.items() if user_id != event.user_id}

    async def _answered(self, event: Event) -> Comment | None:
        """Return the comment that a reply answers."""
        reply = None if event.comment_id is None else await self._comments.get(event.comment_id)
        if reply is None or reply.parent_id is None:
            return None
        return await self._comments.get(reply.parent_id)

    def _notification(self, event: Event, kind: NotificationKind, *, user_id: int) -> Notification:
        return Notification(
            notification_id=self._ids.new(shard=shard_of(user_id)),
            user_id=user_id,
            kind=kind,
            actor_id=event.user_id,
            post_id=event.subject_id,
            comment_id=event.comment_id,
        )

    def _wake(self, user_id: int) -> None:
        for stream in self._streams.get(user_id, ()):
            stream.set()


async def _woken_within(woken: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await woken.wait()
    except TimeoutError:
        return False

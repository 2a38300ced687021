"""Comments, likes and notifications in memory."""

from collections.abc import Sequence
from dataclasses import replace

from server.adapters.memory.queue import Memory
from server.model.events import Event
from server.model.pages import PageRequest
from server.model.records import Comment, Like, Notification


class MemoryComments:
    """Keeps the port `Comments`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._comments: dict[int, Comment] = {}

    async def add(self, comment: Comment, event: Event | None) -> None:
        """Add a comment, count it and add its event."""
        if comment.comment_id in self._comments:
            return
        self._comments[comment.comment_id] = comment
        self._memory.count(comment.post_id, comments=1)
        if event:
            self._memory.queue(event)

    async def get(self, comment_id: int) -> Comment | None:
        """Return a comment."""
        return self._comments.get(comment_id)

    async def of_post(self, post_id: int, page: PageRequest) -> Sequence[Comment]:
        """Return a post's latest comments."""
        comments = [
            comment
            for comment in self._comments.values()
            if comment.post_id == post_id and comment.comment_id < page.before
        ]
        comments.sort(key=lambda comment: comment.comment_id, reverse=True)
        return comments[: page.limit]


class MemoryLikes:
    """Keeps the port `Likes`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._likes: dict[tuple[int, int], Like] = {}

    async def add(self, like: Like, event: Event | None) -> Like:
        """Add a like, count it and add its event; returns the like that stands."""
        key = like.post_id, like.user_id
        if key not in self._likes:
            self._likes[key] = like
            self._memory.count(like.post_id, likes=1)
            if event:
                self._memory.queue(event)
        return self._likes[key]

    async def remove(self, post_id: int, user_id: int) -> bool:
        """Take a like back; whether there was one."""
        if self._likes.pop((post_id, user_id), None) is None:
            return False
        self._memory.count(post_id, likes=-1)
        return True

    async def of_post(self, post_id: int, page: PageRequest) -> Sequence[Like]:
        """Return a post's latest likes."""
        likes = [
            like
            for like in self._likes.values()
            if like.post_id == post_id and like.like_id < page.before
        ]
        return sorted(likes, key=lambda like: like.like_id, reverse=True)[: page.limit]


class MemoryNotifications:
    """Keeps the port `Notifications`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._by_source: dict[tuple[int, str], Notification] = {}

    async def add(
        self, notifications: Sequence[Notification], *, acknowledging: Sequence[int] = ()
    ) -> None:
        """Add notifications, but none whose source has one already."""
        self._memory.acknowledge(acknowledging)
        for notification in notifications:
            self._by_source.setdefault((notification.user_id, notification.source), notification)

    async def of_user(self, user_id: int, page: PageRequest) -> Sequence[Notification]:
        """Return a user's latest notifications."""
        below = (n for n in self._of(user_id) if n.notification_id < page.before)
        return list(below)[::-1][: page.limit]

    async def after(
        self, user_id: int, notification_id: int, *, limit: int
    ) -> Sequence[Notification]:
        """Return a user's notifications above an id, oldest first."""
        return [n for n in self._of(user_id) if n.notification_id > notification_id][:limit]

    async def mark_read(self, user_id: int, *, up_to: int) -> None:
        """Mark a user's notifications up to an id as read."""
        for notification in self._of(user_id):
            if notification.notification_id <= up_to:
                key = user_id, notification.source
                self._by_source[key] = replace(notification, is_read=True)

    def _of(self, user_id: int) -> Sequence[Notification]:
        found = (n for (owner, _), n in self._by_source.items() if owner == user_id)
        return sorted(found, key=lambda notification: notification.notification_id)

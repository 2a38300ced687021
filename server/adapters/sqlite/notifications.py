"""Notifications db in SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from server.adapters.sqlite.database import Database
from server.adapters.sqlite.queue import acknowledge
from server.adapters.sqlite.transactions import Transaction
from server.model.pages import PageRequest
from server.model.records import Notification, NotificationKind

BOX = "notifications_db"


class SqliteNotifications:
    """Keeps the port `Notifications`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, notifications: Sequence[Notification], *, acknowledging: Sequence[int] = ()
    ) -> None:
        """Add notifications, but none whose source has one already."""
        rows = [
            (
                notification.notification_id,
                notification.user_id,
                notification.kind,
                notification.actor_id,
                notification.post_id,
                notification.comment_id,
                notification.source,
            )
            for notification in notifications
        ]

        def work(transaction: Transaction) -> None:
            transaction.connection.executemany(
                "INSERT OR IGNORE INTO notifications"
                " (notification_id, user_id, kind, actor_id, post_id, comment_id, source)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            acknowledge(transaction, acknowledging)

        await self._database.write(BOX, work)

    async def of_user(self, user_id: int, page: PageRequest) -> Sequence[Notification]:
        """Return a user's latest notifications."""
        return await self._rows(
            "SELECT notification_id, user_id, kind, actor_id, post_id, comment_id, is_read"
            " FROM notifications WHERE user_id = ? AND notification_id < ?"
            " ORDER BY notification_id DESC LIMIT ?",
            (user_id, page.before, page.limit),
        )

    async def after(
        self, user_id: int, notification_id: int, *, limit: int
    ) -> Sequence[Notification]:
        """Return a user's notifications above an id, oldest first."""
        return await self._rows(
            "SELECT notification_id, user_id, kind, actor_id, post_id, comment_id, is_read"
            " FROM notifications WHERE user_id = ? AND notification_id > ?"
            " ORDER BY notification_id LIMIT ?",
            (user_id, notification_id, limit),
        )

    async def mark_read(self, user_id: int, *, up_to: int) -> None:
        """Mark a user's notifications up to an id as read."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "UPDATE notifications SET is_read = 1"
                " WHERE user_id = ? AND notification_id <= ? AND is_read = 0",
                (user_id, up_to),
            )

        await self._database.write(BOX, work)

    async def _rows(self, query: str, parameters: tuple[int, ...]) -> Sequence[Notification]:
        def work(connection: sqlite3.Connection) -> Sequence[Notification]:
            return [_notification(row) for row in connection.execute(query, parameters)]

        return await self._database.read(BOX, work)


def _notification(row: tuple[Any, ...]) -> Notification:
    *ids, comment_id, is_read = row
    return Notification(
        notification_id=ids[0],
        user_id=ids[1],
        kind=NotificationKind(ids[2]),
        actor_id=ids[3],
        post_id=ids[4],
        comment_id=comment_id,
        is_read=bool(is_read),
    )

"""Comments db and likes db in SQLite; both count what they add in the same commit."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from server.adapters.sqlite.database import Database
from server.adapters.sqlite.transactions import Transaction
from server.model.events import Event
from server.model.pages import PageRequest
from server.model.records import Comment, Like, Reaction


class SqliteComments:
    """Keeps the port `Comments`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, comment: Comment, event: Event | None) -> None:
        """Add a comment, count it and add its event."""

        def work(transaction: Transaction) -> None:
            added = transaction.connection.execute(
                "INSERT OR IGNORE INTO comments (comment_id, post_id, author_id, text, parent_id)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    comment.comment_id,
                    comment.post_id,
                    comment.author_id,
                    comment.text,
                    comment.parent_id,
                ),
            )
            if added.rowcount:
                transaction.count(comment.post_id, comments=1)
                if event:
                    transaction.queue(event)

        await self._database.write("comments_db", work)

    async def get(self, comment_id: int) -> Comment | None:
        """Return a comment."""

        def work(connection: sqlite3.Connection) -> Comment | None:
            row = connection.execute(
                "SELECT comment_id, post_id, author_id, text, parent_id FROM comments"
                " WHERE comment_id = ?",
                (comment_id,),
            ).fetchone()
            return Comment(*row) if row else None

        return await self._database.read("comments_db", work)

    async def of_post(self, post_id: int, page: PageRequest) -> Sequence[Comment]:
        """Return a post's latest comments."""

        def work(connection: sqlite3.Connection) -> Sequence[Comment]:
            rows = connection.execute(
                "SELECT comment_id, post_id, author_id, text, parent_id FROM comments"
                " WHERE post_id = ? AND comment_id < ? ORDER BY comment_id DESC LIMIT ?",
                (post_id, page.before, page.limit),
            )
            return [Comment(*row) for row in rows]

        return await self._database.read("comments_db", work)


class SqliteLikes:
    """Keeps the port `Likes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, like: Like, event: Event | None) -> Like:
        """Add a like, count it and add its event; returns the like that stands."""

        def work(transaction: Transaction) -> Like:
            added = transaction.connection.execute(
                "INSERT OR IGNORE INTO likes (post_id, user_id, like_id, reaction)"
                " VALUES (?, ?, ?, ?)",
                (like.post_id, like.user_id, like.like_id, like.reaction),
            )
            if added.rowcount:
                transaction.count(like.post_id, likes=1)
                if event:
                    transaction.queue(event)
                return like
            row = transaction.connection.execute(
                "SELECT like_id, post_id, user_id, reaction FROM likes"
                " WHERE post_id = ? AND user_id = ?",
                (like.post_id, like.user_id),
            ).fetchone()
            return _like(row)

        return await self._database.write("likes_db", work)

    async def remove(self, post_id: int, user_id: int) -> bool:
        """Take a like back; whether there was one."""

        def work(transaction: Transaction) -> bool:
            removed = transaction.connection.execute(
                "DELETE FROM likes WHERE post_id = ? AND user_id = ?", (post_id, user_id)
            )
            if removed.rowcount:
                transaction.count(post_id, likes=-1)
            return removed.rowcount > 0

        return await self._database.write("likes_db", work)

    async def of_post(self, post_id: int, page: PageRequest) -> Sequence[Like]:
        """Return a post's latest likes."""

        def work(connection: sqlite3.Connection) -> Sequence[Like]:
            rows = connection.execute(
                "SELECT like_id, post_id, user_id, reaction FROM likes"
                " WHERE post_id = ? AND like_id < ? ORDER BY like_id DESC LIMIT ?",
                (post_id, page.before, page.limit),
            )
            return [_like(row) for row in rows]

        return await self._database.read("likes_db", work)


def _like(row: tuple[Any, ...]) -> Like:
    like_id, post_id, user_id, reaction = row
    return Like(like_id, post_id, user_id, reaction=Reaction(reaction))

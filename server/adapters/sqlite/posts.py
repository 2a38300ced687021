"""Posts db in SQLite, and the counts of likes and comments beside it."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import nlargest
from typing import Any, NamedTuple

import orjson

from server.adapters.sqlite.database import Database
from server.adapters.sqlite.media import orphan_media, show_media
from server.adapters.sqlite.transactions import Transaction, insert_missing_posts
from server.model.events import Event
from server.model.pages import PageRequest
from server.model.records import Counts, FeedEntry, Post, PostEdit
from server.ports.stores import NO_BOUNDS

BOX = "posts_db"
# A millisecond's; the post with which there are more is counted too.
EDGES_COUNTED_AT_ONCE = 20_000
# Of most posts, and one object for all of them in the caches.
_NO_COUNTS = Counts()


class SqlitePosts:
    """Keeps the port `Posts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, post: Post, event: Event) -> None:
        """Add a post and its event; its media is kept as long as the post is."""
        hashtags = json.dumps(post.hashtags) if post.hashtags else "[]"
        row = (
            post.post_id,
            post.author_id,
            post.text,
            post.media_url,
            post.description,
            hashtags,
        )

        def work(transaction: Transaction) -> None:
            if not post.media_key:
                transaction.add_post(row, event)
            # At once: who deletes another post of the media looks for this one.
            elif insert_missing_posts(transaction.connection, [row]):
                show_media(transaction, post.media_key)
                transaction.queue(event)

        await self._database.write(BOX, work)

    async def edit(self, post_id: int, edit: PostEdit) -> Post | None:
        """Change what an edit names; returns the post, None if there is none or it was deleted."""
        hashtags = None if edit.hashtags is None else json.dumps(edit.hashtags)

        def work(transaction: Transaction) -> Post | None:
            row = transaction.connection.execute(
                "UPDATE posts SET text = coalesce(?, text),"
                " description = coalesce(?, description), hashtags = coalesce(?, hashtags)"
                " WHERE post_id = ? AND is_deleted = 0"
                " RETURNING post_id, author_id, text, media_url, description, hashtags",
                (edit.text, edit.description, hashtags, post_id),
            ).fetchone()
            return _post(row) if row else None

        return await self._database.write(BOX, work)

    async def delete(self, post_id: int) -> bool:
        """Leave a tombstone in place of a post; whether there was a post."""

        def work(transaction: Transaction) -> bool:
            row = transaction.connection.execute(
                "SELECT media_url FROM posts WHERE post_id = ? AND is_deleted = 0", (post_id,)
            ).fetchone()
            if row is None:
                return False
            transaction.connection.execute(
                "UPDATE posts SET is_deleted = 1, text = NULL, media_url = NULL,"
                " description = NULL, hashtags = '[]' WHERE post_id = ?",
                (post_id,),
            )
            if row[0] is not None:
                orphan_media(transaction, row[0])
            return True

        return await self._database.write(BOX, work)

    async def get_many(self, post_ids: Iterable[int]) -> Mapping[int, Post]:
        """Return those of the posts that exist and are not deleted, by id."""
        ids = json.dumps(list(post_ids))

        def work(connection: sqlite3.Connection) -> Mapping[int, Post]:
            rows = connection.execute(
                "SELECT post_id, author_id, text, media_url, description, hashtags FROM posts"
                " WHERE post_id IN (SELECT value FROM json_each(?)) AND is_deleted = 0",
                (ids,),
            )
            return {row[0]: _post(row) for row in rows}

        return await self._database.read(BOX, work)

    async def entries_by(
        self,
        author_ids: Iterable[int],
        page: PageRequest,
        *,
        above: int = 0,
        below: Mapping[int, int] = NO_BOUNDS,
    ) -> Sequence[FeedEntry]:
        """Return the authors' posts with ids above `above`, newest first, as feed entries.

        Of an author in `below` only those with ids below that.
        """
        authors = list(author_ids)
        # Few have one, of up to 10,000 authors.
        bounds = {author: bound for author, bound in below.items() if bound < page.before}

        # The feed generator relies on one read being one snapshot: see `FeedGenerator.rebuild`.
        def work(connection: sqlite3.Connection) -> Sequence[FeedEntry]:
            # One seek for each author; SQLite would sort all their posts if asked for them at once.
            newest = (
                FeedEntry(*row)
                for author_id in _of_whom(connection, authors, page, above=above, bounds=bounds)
                for row in connection.execute(
                    "SELECT post_id, author_id FROM posts WHERE author_id = ?"
                    " AND post_id > ? AND post_id < ? AND is_deleted = 0"
                    " ORDER BY post_id DESC LIMIT ?",
                    (author_id, above, bounds.get(author_id, page.before), page.limit),
                )
            )
            return nlargest(page.limit, newest)

        return await self._database.read(BOX, work)

    async def newest_by(
        self, floors: Mapping[int, int], *, limit: int
    ) -> Mapping[int, Sequence[int]]:
        """Return the ids of each author's newest posts above a floor of their own, newest first."""
        wanted = json.dumps(list(floors.items()))

        def work(connection: sqlite3.Connection) -> Mapping[int, Sequence[int]]:
            # One row of JSON: each row fetched would wait for the interpreter.
            (text,) = connection.execute(
                "SELECT json_group_array(json_array(value ->> 0, json((SELECT"
                " json_group_array(post_id) FROM (SELECT post_id FROM posts"
                " WHERE author_id = value ->> 0 AND post_id > value ->> 1 AND is_deleted = 0"
                " ORDER BY post_id DESC LIMIT ?))))) FROM json_each(?)",
                (limit, wanted),
            ).fetchone()
            return dict(json.loads(text))

        return await self._database.read(BOX, work)

    async def showing(self, media_url: str) -> Sequence[int]:
        """Return the posts that show media and are not deleted."""

        def work(connection: sqlite3.Connection) -> Sequence[int]:
            rows = connection.execute(
                "SELECT post_id FROM posts WHERE media_url = ? AND is_deleted = 0", (media_url,)
            )
            return [row[0] for row in rows]

        return await self._database.read(BOX, work)


def _of_whom(
    connection: sqlite3.Connection,
    author_ids: Sequence[int],
    page: PageRequest,
    *,
    above: int,
    bounds: Mapping[int, int],
) -> Sequence[int]:
    """Return all authors whose posts may be on a page: no more than it has posts.

    A statement for each of 10,000 keeps the only reader, and the interpreter, for a tenth of a
    second: so the newest post of each is found first, in one statement.
    """
    if len(author_ids) <= page.limit:
        return author_ids
    asked = [[each, bounds[each]] if each in bounds else each for each in author_ids]
    (text,) = connection.execute(
        "SELECT json_group_array(json_array((SELECT post_id FROM posts WHERE author_id = author"
        " AND post_id > ? AND post_id < bound AND is_deleted = 0"
        " ORDER BY post_id DESC LIMIT 1), author)) FROM (SELECT"
        " iif(type = 'array', value ->> 0, value) AS author,"
        " iif(type = 'array', value ->> 1, ?) AS bound FROM json_each(?))",
        (above, page.before, json.dumps(asked)),
    ).fetchone()
    have_posts = (newest for newest in orjson.loads(text) if newest[0] is not None)
    return [author_id for _, author_id in nlargest(page.limit, have_posts)]


def _post(row: tuple[Any, ...]) -> Post:
    post_id, author_id, *content, hashtags = row
    text, media_url, description = content
    return Post(post_id, author_id, text, media_url, description, tuple(json.loads(hashtags)))


class _Compared(NamedTuple):
    """By how much the counts of a post are behind its edges."""

    post_id: int
    likes_missing: int
    comments_missing: int


class SqliteCounters:
    """Keeps the port `Counters`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_many(self, post_ids: Iterable[int]) -> Mapping[int, Counts]:
        """Return the counts of posts; zeros for a post that has none."""
        ids = list(post_ids)

        def work(connection: sqlite3.Connection) -> Mapping[int, Counts]:
            rows = connection.execute(
                "SELECT post_id, likes, comments FROM post_counts"
                " WHERE post_id IN (SELECT value FROM json_each(?))",
                (json.dumps(ids),),
            )
            return dict.fromkeys(ids, _NO_COUNTS) | {row[0]: Counts(*row[1:]) for row in rows}

        return await self._database.read("likes_db", work)

    async def reconcile(self, *, above: int, limit: int) -> Sequence[int]:
        """Set the counts of some next posts to what the edges say; the posts looked at.

        `limit` at most, and fewer if they have many likes and comments: others wait meanwhile.
        """

        # Of one snapshot, so that counts and edges are those after the same commit: by how much
        # they differ stays right, whatever is liked until that is added.
        def compare(connection: sqlite3.Connection) -> Sequence[_Compared]:
            rows = connection.execute(
                "SELECT post_id,"
                " (SELECT count(*) FROM likes l WHERE l.post_id = post_counts.post_id) - likes,"
                " (SELECT count(*) FROM comments c WHERE c.post_id = post_counts.post_id)"
                " - comments"
                " FROM (SELECT *, sum(likes + comments) OVER (ORDER BY post_id) AS so_far"
                " FROM (SELECT * FROM post_counts WHERE post_id > ? ORDER BY post_id LIMIT ?)"
                " ) AS post_counts WHERE so_far - likes - comments <= ? ORDER BY post_id",
                (above, limit, EDGES_COUNTED_AT_ONCE),
            )
            return [_Compared(*row) for row in rows]

        compared = await self._database.read("likes_db", compare)
        wrong = [post for post in compared if post.likes_missing or post.comments_missing]

        def mend(transaction: Transaction) -> None:
            for post_id, likes, comments in wrong:
                transaction.count(post_id, likes=likes, comments=comments)

        if wrong:
            await self._database.write("likes_db", mend)
        return [post.post_id for post in compared]

    def subscribe(self, listener: Callable[[Mapping[int, Counts]], None]) -> None:
        """Tell a listener the new counts after every write, in the order of the writes."""
        self._database.on_counts.append(listener)

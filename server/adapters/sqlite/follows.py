"""Follow db in SQLite: the graph by follower and by followee."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import orjson

from server.adapters.sqlite.database import Database
from server.adapters.sqlite.transactions import Transaction
from server.model.events import Event
from server.model.pages import PageRequest
from server.model.records import Audience, Edge, EdgeAdding, Followee, FollowersChunk, Pair

BOX = "follow_db"
# In one read: the interpreter is kept for half a millisecond to take them out of their JSON.
FOLLOWERS_AT_ONCE = 10_000


class SqliteFollows:
    """Keeps the port `Follows`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, edge: Edge, event: Event, *, most_followees: int) -> EdgeAdding:
        """Add an edge and its event, unless its follower follows as many as one may."""

        def work(transaction: Transaction) -> EdgeAdding:
            added = transaction.connection.execute(
                "INSERT OR IGNORE INTO follows (follower_id, followee_id, edge_id)"
                " SELECT :follower, :followee, :edge WHERE coalesce("
                "  (SELECT followees FROM users WHERE user_id = :follower), 0) < :most",
                {
                    "follower": edge.follower_id,
                    "followee": edge.followee_id,
                    "edge": edge.edge_id,
                    "most": most_followees,
                },
            )
            if not added.rowcount:
                stands = _stands(transaction.connection, edge)
                return EdgeAdding.STOOD if stands else EdgeAdding.REFUSED
            _count(transaction, edge.follower_id, edge.followee_id, by=1)
            transaction.queue(event)
            return EdgeAdding.DONE

        return await self._database.write(BOX, work)

    async def remove(self, follower_id: int, followee_id: int, event: Event) -> bool:
        """Remove an edge and add its event; False, and nothing changed, if there was none."""

        def work(transaction: Transaction) -> bool:
            removed = transaction.connection.execute(
                "DELETE FROM follows WHERE follower_id = ? AND followee_id = ?",
                (follower_id, followee_id),
            )
            if removed.rowcount:
                _count(transaction, follower_id, followee_id, by=-1)
                transaction.queue(event)
            return removed.rowcount > 0

        return await self._database.write(BOX, work)

    async def standing(self, pairs: Iterable[Pair]) -> AbstractSet[Pair]:
        """Return those of the pairs whose edges stand."""
        asked = json.dumps(list(pairs))

        def work(connection: sqlite3.Connection) -> AbstractSet[Pair]:
            # One row of JSON: each row fetched would wait for the interpreter.
            (text,) = connection.execute(
                "SELECT json_group_array(json_array(follower_id, followee_id))"
                " FROM json_each(?) CROSS JOIN follows"
                " WHERE follower_id = value ->> 0 AND followee_id = value ->> 1",
                (asked,),
            ).fetchone()
            return {Pair(*pair) for pair in json.loads(text)}

        return await self._database.read(BOX, work)

    async def followees(self, follower_id: int) -> Sequence[Followee]:
        """Return all whom a user follows."""

        def work(connection: sqlite3.Connection) -> Sequence[Followee]:
            rows = connection.execute(
                "SELECT followee_id, is_settled, author_id IS NOT NULL FROM follows"
                " LEFT JOIN pulled_authors ON author_id = followee_id WHERE follower_id = ?",
                (follower_id,),
            )
            return [Followee(row[0], bool(row[1]), bool(row[2])) for row in rows]

        return await self._database.read(BOX, work)

    async def audiences(self, followee_ids: Iterable[int], *, most: int) -> Mapping[int, Audience]:
        """Return users' followers; of one who has more than `most`, only how many."""
        audiences: dict[int, Audience] = {}
        rest = list(followee_ids)
        while rest:
            audiences |= await self._next_audiences(rest, most)
            rest = [user_id for user_id in rest if user_id not in audiences]
        return audiences

    async def _next_audiences(
        self, followee_ids: Sequence[int], most: int
    ) -> Mapping[int, Audience]:
        """Return those of the first users: others get their turn before the next are read."""
        ids = json.dumps(followee_ids)

        def work(connection: sqlite3.Connection) -> Mapping[int, Audience]:
            # One row of JSON: each row fetched would wait for the interpreter.
            (text,) = connection.execute(
                "SELECT json_group_array(json_array(value, size, json((SELECT"
                " json_group_array(follower_id) FROM follows"
                " WHERE followee_id = value AND size <= :most))))"
                " FROM (SELECT value, key, coalesce(followers, 0) AS size,"
                " sum(iif(followers <= :most, followers, 0)) OVER (ROWS UNBOUNDED PRECEDING)"
                " AS so_far FROM json_each(:ids) LEFT JOIN users ON user_id = value)"
                " WHERE so_far <= :together OR key = 0",
                {"most": most, "ids": ids, "together": FOLLOWERS_AT_ONCE},
            ).fetchone()
            return {user_id: Audience(*audience) for user_id, *audience in orjson.loads(text)}

        return await self._database.read(BOX, work)

    async def followers_after(
        self, followee_id: int, *, edge_id: int, limit: int
    ) -> FollowersChunk:
        """Return the oldest followers of a user above an edge's id: a chunk of the fan-out."""

        def work(connection: sqlite3.Connection) -> FollowersChunk:
            text, last = connection.execute(
                "SELECT json_group_array(follower_id), max(edge_id) FROM (SELECT"
                " follower_id, edge_id FROM follows WHERE followee_id = ? AND edge_id > ?"
                " ORDER BY edge_id LIMIT ?)",
                (followee_id, edge_id, limit),
            ).fetchone()
            return FollowersChunk(json.loads(text), last or edge_id)

        return await self._database.read(BOX, work)

    async def followers_page(self, followee_id: int, page: PageRequest) -> Sequence[Edge]:
        """Return the latest edges to a user, by edge id."""
        return await self._edges(
            "SELECT edge_id, follower_id, followee_id FROM follows"
            " WHERE followee_id = ? AND edge_id < ? ORDER BY edge_id DESC LIMIT ?",
            (followee_id, page.before, page.limit),
        )

    async def followees_page(self, follower_id: int, page: PageRequest) -> Sequence[Edge]:
        """Return the latest edges from a user, by edge id."""
        return await self._edges(
            "SELECT edge_id, follower_id, followee_id FROM follows"
            " WHERE follower_id = ? AND edge_id < ? ORDER BY edge_id DESC LIMIT ?",
            (follower_id, page.before, page.limit),
        )

    async def settle(self, pairs: Iterable[Pair]) -> None:
        """Note that the followees' posts are in the followers' feeds, where the edges stand."""
        settled = json.dumps(list(pairs))

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "UPDATE follows SET is_settled = 1 FROM json_each(?)"
                " WHERE follower_id = value ->> 0 AND followee_id = value ->> 1",
                (settled,),
            )

        await self._database.write(BOX, work)

    async def mark_pulled(self, author_id: int) -> None:
        """Note that an author's posts are pulled from now on."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "INSERT OR IGNORE INTO pulled_authors VALUES (?)", (author_id,)
            )

        await self._database.write(BOX, work)

    async def forget_pulled(self) -> None:
        """Forget whose posts are pulled; for a design that pulls others, or nobody."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute("DELETE FROM pulled_authors")

        await self._database.write(BOX, work)

    async def _edges(self, query: str, parameters: tuple[int, ...]) -> Sequence[Edge]:
        def work(connection: sqlite3.Connection) -> Sequence[Edge]:
            return [Edge(*row) for row in connection.execute(query, parameters)]

        return await self._database.read(BOX, work)


def _stands(connection: sqlite3.Connection, edge: Edge) -> bool:
    found = connection.execute(
        "SELECT 1 FROM follows WHERE follower_id = ? AND followee_id = ?",
        (edge.follower_id, edge.followee_id),
    )
    return found.fetchone() is not None


def _count(transaction: Transaction, follower_id: int, followee_id: int, *, by: int) -> None:
    transaction.connection.execute(
        "UPDATE users SET followees = followees + ? WHERE user_id = ?", (by, follower_id)
    )
    transaction.connection.execute(
        "UPDATE users SET followers = followers + ? WHERE user_id = ?", (by, followee_id)
    )

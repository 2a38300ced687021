"""Users db in SQLite: users, passwords, tokens."""

import json
import sqlite3
from collections.abc import Iterable, Mapping

from server.adapters.sqlite.database import PURGED_AT_ONCE, Database
from server.adapters.sqlite.transactions import Transaction
from server.errors import NameTakenError
from server.model.records import Credentials, Token, User

BOX = "users_db"


class SqliteUsers:
    """Keeps the port `Users`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user: User, *, password_hash: str | None, token: Token) -> None:
        """Add a user with a first token."""

        def work(transaction: Transaction) -> None:
            added = transaction.connection.execute(
                "INSERT INTO users (user_id, name, password_hash) VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO NOTHING",
                (user.user_id, user.name, password_hash),
            )
            if not added.rowcount:
                raise NameTakenError(name=user.name)
            _add_token(transaction, token)

        await self._database.write(BOX, work)

    async def get_many(self, user_ids: Iterable[int]) -> Mapping[int, User]:
        """Return those of the users that exist, by id."""
        ids = json.dumps(list(user_ids))

        def work(connection: sqlite3.Connection) -> Mapping[int, User]:
            rows = connection.execute(
                "SELECT user_id, name, followers, followees FROM users"
                " WHERE user_id IN (SELECT value FROM json_each(?))",
                (ids,),
            )
            return {row[0]: User(*row) for row in rows}

        return await self._database.read(BOX, work)

    async def credentials(self, name: str) -> Credentials | None:
        """Return what the password of the user of that name is checked against."""

        def work(connection: sqlite3.Connection) -> Credentials | None:
            row = connection.execute(
                "SELECT user_id, password_hash FROM users WHERE name = ?", (name,)
            ).fetchone()
            return Credentials(*row) if row else None

        return await self._database.read(BOX, work)

    async def add_token(self, token: Token) -> None:
        """Keep one more token."""
        await self._database.write(BOX, lambda transaction: _add_token(transaction, token))

    async def token(self, digest: bytes) -> Token | None:
        """Return the token with that digest, also when it has expired."""

        def work(connection: sqlite3.Connection) -> Token | None:
            row = connection.execute(
                "SELECT digest, user_id, expires_at_ms FROM tokens WHERE digest = ?", (digest,)
            ).fetchone()
            return Token(*row) if row else None

        return await self._database.read(BOX, work)

    async def revoke_token(self, digest: bytes) -> None:
        """Forget a token."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute("DELETE FROM tokens WHERE digest = ?", (digest,))

        await self._database.write(BOX, work)

    async def purge_tokens(self, *, expired_before_ms: int) -> None:
        """Forget the tokens that expired before a time."""

        def work(transaction: Transaction) -> int:
            return transaction.connection.execute(
                "DELETE FROM tokens WHERE digest IN"
                " (SELECT digest FROM tokens WHERE expires_at_ms < ? LIMIT ?)",
                (expired_before_ms, PURGED_AT_ONCE),
            ).rowcount

        await self._database.purge(BOX, work)


def _add_token(transaction: Transaction, token: Token) -> None:
    transaction.connection.execute(
        "INSERT OR IGNORE INTO tokens (digest, user_id, expires_at_ms) VALUES (?, ?, ?)",
        (token.digest, token.user_id, token.expires_at_ms),
    )

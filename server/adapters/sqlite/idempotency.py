"""Idempotency keys in SQLite."""

from server.adapters.sqlite.database import PURGED_AT_ONCE, Database
from server.adapters.sqlite.transactions import Transaction
from server.ports.idempotency import KeyedAnswer, Reservation

BOX = "api_gateway"


class SqliteIdempotencyKeys:
    """Keeps the port `IdempotencyKeys`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, digest: bytes, reservation: Reservation) -> Reservation:
        """Keep a reservation unless the key has one; returns the one that stands."""

        def work(transaction: Transaction) -> Reservation:
            transaction.connection.execute(
                "INSERT OR IGNORE INTO idempotency_keys (digest, fingerprint, reserved_id)"
                " VALUES (?, ?, ?)",
                (digest, reservation.fingerprint, reservation.reserved_id),
            )
            fingerprint, reserved_id, status, location, body = transaction.connection.execute(
                "SELECT fingerprint, reserved_id, status, location, body FROM idempotency_keys"
                " WHERE digest = ?",
                (digest,),
            ).fetchone()
            answer = None if status is None else KeyedAnswer(status, location, body)
            return Reservation(fingerprint, reserved_id, answer)

        return await self._database.write(BOX, work)

    async def answer(self, digest: bytes, answer: KeyedAnswer) -> None:
        """Keep the answer of a request."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "UPDATE idempotency_keys SET status = ?, location = ?, body = ? WHERE digest = ?",
                (answer.status, answer.location, answer.body, digest),
            )

        await self._database.write(BOX, work)

    async def release(self, digest: bytes) -> None:
        """Forget a key whose request failed."""

        def work(transaction: Transaction) -> None:
            transaction.connection.execute(
                "DELETE FROM idempotency_keys WHERE digest = ? AND status IS NULL", (digest,)
            )

        await self._database.write(BOX, work)

    async def purge(self, *, reserved_before_id: int) -> None:
        """Forget the keys reserved before an id was made."""

        def work(transaction: Transaction) -> int:
            return transaction.connection.execute(
                "DELETE FROM idempotency_keys WHERE digest IN"
                " (SELECT digest FROM idempotency_keys WHERE reserved_id < ? LIMIT ?)",
                (reserved_before_id, PURGED_AT_ONCE),
            ).rowcount

        await self._database.purge(BOX, work)

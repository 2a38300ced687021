"""Idempotency keys: what was reserved for a request, and what it was answered."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeyedAnswer:
    """The answer that a repeated request gets again."""

    status: int
    location: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Reservation:
    """What the first request with a key was, and the id reserved for what it makes.

    The id makes the request safe to repeat when the server died before it kept the answer.
    """

    fingerprint: bytes
    reserved_id: int
    answer: KeyedAnswer | None = None


class IdempotencyKeys(Protocol):
    """Keys by their digest, for a day."""

    async def reserve(self, digest: bytes, reservation: Reservation) -> Reservation:
        """Keep a reservation unless the key has one; returns the one that stands."""
        ...

    async def answer(self, digest: bytes, answer: KeyedAnswer) -> None:
        """Keep the answer of a request."""
        ...

    async def release(self, digest: bytes) -> None:
        """Forget a key whose request failed."""
        ...

    async def purge(self, *, reserved_before_id: int) -> None:
        """Forget the keys reserved before an id was made."""
        ...

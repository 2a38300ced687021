"""Passwords by scrypt, on threads of their own."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from server.errors import OverloadedError

SALT_BYTES = 16
WORKERS = 2
# Each takes a few tens of milliseconds: past this many waiting, the answer is to come back later.
WAITING = 64


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """Memory is 128 * n * r bytes.

    Source: Percival, Stronger Key Derivation via Sequential Memory-Hard Functions (2009), section
    8: n = 2^14, r = 8, p = 1 for interactive logins.
    """

    n: int = 2**14
    r: int = 8
    p: int = 1


class ScryptPasswords:
    """Keeps the port `Passwords`; a stored text names its cost, so that the cost can be raised."""

    def __init__(
        self, random_bytes: Callable[[int], bytes], *, cost: ScryptCost | None = None
    ) -> None:
        self._random_bytes = random_bytes
        self._cost = cost or ScryptCost()
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="scrypt")
        self._waiting = 0
        self._nobody = _hashed("", self._random_bytes(SALT_BYTES), self._cost)

    async def hashed(self, password: str) -> str:
        """Return the text to store for a password."""
        salt = self._random_bytes(SALT_BYTES)
        return await self._away(lambda: _hashed(password, salt, self._cost))

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether a password has that hash; as slow without one, and then False."""
        expected = password_hash or self._nobody

        def check() -> str:
            _, n, r, p, salt, _ = expected.split("$")
            cost = ScryptCost(n=int(n), r=int(r), p=int(p))
            return _hashed(password, bytes.fromhex(salt), cost)

        found = await self._away(check)
        return hmac.compare_digest(found, expected) and password_hash is not None

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown()

    async def _away(self, work: Callable[[], str]) -> str:
        if self._waiting >= WAITING:
            raise OverloadedError(box="users_db")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _hashed(password: str, salt: bytes, cost: ScryptCost) -> str:
    key = hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=cost.n,
        r=cost.r,
        p=cost.p,
        maxmem=256 * cost.n * cost.r,
        dklen=32,
    )
    return f"scrypt${cost.n}${cost.r}${cost.p}${salt.hex()}${key.hex()}"

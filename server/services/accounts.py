"""Users and their tokens: who somebody is, and how they prove it."""

import asyncio
import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.errors import NameTakenError, NotAuthenticatedError, NotFoundError
from server.model.ids import on_shard, spread_shard
from server.model.records import Credentials, Token, User
from server.ports.clock import Clock
from server.ports.passwords import Passwords
from server.ports.stores import Users
from server.services.caches import LeasedCache

TOKEN_BYTES = 32
# In base64, without its padding.
TOKEN_CHARACTERS = -(-TOKEN_BYTES * 8 // 6)
TOKENS_CACHED = 50_000
NAMES_CACHED = 100_000


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token's text, which is told once and never stored."""

    user_id: int
    text: str
    expires_at_ms: int


class Accounts:
    """Signs users up, in and out, and tells whose a token is."""

    def __init__(
        self,
        *,
        users: Users,
        passwords: Passwords,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        token_lifetime_s: float,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._clock = clock
        self._random_bytes = random_bytes
        self._token_lifetime_s = token_lifetime_s
        # By their texts: a digest takes longer than all the rest of a look, and a dict compares no
        # two texts whose hashes differ.
        self._tokens: LeasedCache[str, Token] = LeasedCache(capacity=TOKENS_CACHED)
        # What lasts as long as a token: ended when it is revoked.
        self._visits: dict[str, set[asyncio.Timeout]] = {}
        # Names never change, so that a name once read can be kept.
        self._names: LeasedCache[int, str] = LeasedCache(capacity=NAMES_CACHED)

    async def sign_up(self, name: str, password: str | None, *, fresh_id: int) -> IssuedToken:
        """Add a user with an id just made, and return their first token.

        Repeated with the same id, it gives the user another token for the password; without one,
        nothing tells whether the same person asks.

        Raises:
            NameTakenError: if a user has the name.
        """
        user_id = on_shard(fresh_id, spread_shard(fresh_id))
        if standing := await self._users.credentials(name):
            return await self._signed_up_before(standing, User(user_id, name), password)
        password_hash = None if password is None else await self._passwords.hashed(password)
        issued = self._issue(user_id)
        await self._users.add(
            User(user_id, name), password_hash=password_hash, token=_stored(issued)
        )
        return issued

    async def sign_in(self, name: str, password: str) -> IssuedToken:
        """Return a new token for the user of that name.

        Raises:
            NotAuthenticatedError: if there is no such user, or the password is another.
        """
        credentials = await self._users.credentials(name)
        password_hash = credentials.password_hash if credentials else None
        if not await self._passwords.matches(password, password_hash) or credentials is None:
            raise NotAuthenticatedError(reason="there is no user with this name and password")
        return await self._issue_and_keep(credentials.user_id)

    async def sign_out(self, text: str) -> None:
        """Revoke a token."""
        await self._users.revoke_token(token_digest(text))
        if len(text) <= TOKEN_CHARACTERS:
            # No longer one is in the cache, which remembers what was dropped.
            self._tokens.drop([text])
        for visit in self._visits.get(text, ()):
            visit.reschedule(asyncio.get_running_loop().time())

    async def user_of(self, text: str) -> int:
        """Return whose token this is.

        Looked for in the store by its SHA-256 digest, so that no comparison takes longer the more
        of it is right.

        Raises:
            NotAuthenticatedError: if it is forged, revoked or expired.
        """
        return (await self._valid(text)).user_id

    def known_user_of(self, text: str) -> int | None:
        """Return whose token this is, if that is in memory and true now."""
        token = self._tokens.get(text)
        is_valid = token is not None and token.expires_at_ms > self._clock.now_ms()
        return token.user_id if token and is_valid else None

    @asynccontextmanager
    async def while_valid(self, text: str) -> AsyncIterator[None]:
        """Leave the block when a token expires or is revoked, however long it would stay.

        Raises:
            NotAuthenticatedError: if it is not valid at the start.
        """
        expires_at_ms = (await self._valid(text)).expires_at_ms
        visit = asyncio.timeout((expires_at_ms - self._clock.now_ms()) / 1000)
        try:
            async with visit:
                visits = self._visits.setdefault(text, set())
                visits.add(visit)
                try:
                    yield
                finally:
                    visits.discard(visit)
                    if not visits:
                        self._visits.pop(text, None)
        except TimeoutError:
            # Another's, such as a connection's, is no end of the token.
            if not visit.expired():
                raise

    async def user(self, user_id: int) -> User:
        """Return a user.

        Raises:
            NotFoundError: if there is none.
        """
        found = await self._users.get_many([user_id])
        if user_id not in found:
            raise NotFoundError(kind="user", found=user_id)
        return found[user_id]

    async def name(self, user_id: int) -> str:
        """Return a user's name.

        Raises:
            NotFoundError: if there is no such user.
        """
        name = self._names.get(user_id) or (await self.names([user_id])).get(user_id)
        if name is None:
            raise NotFoundError(kind="user", found=user_id)
        return name

    async def names(self, user_ids: Iterable[int]) -> Mapping[int, str]:
        """Return the names of users."""
        wanted = set(user_ids)
        names = {user_id: name for user_id in wanted if (name := self._names.get(user_id))}
        if missing := wanted - names.keys():
            lease = self._names.lease()
            for user in (await self._users.get_many(missing)).values():
                names[user.user_id] = user.name
                self._names.fill(user.user_id, user.name, lease=lease)
        return names

    async def expect(self, *user_ids: int) -> None:
        """Check that users exist.

        Raises:
            NotFoundError: for the first that does not.
        """
        if None not in map(self._names.get, user_ids):
            return
        names = await self.names(user_ids)
        for user_id in user_ids:
            if user_id not in names:
                raise NotFoundError(kind="user", found=user_id)

    async def purge(self) -> None:
        """Forget the tokens that have expired."""
        await self._users.purge_tokens(expired_before_ms=self._clock.now_ms())

    async def _signed_up_before(
        self, standing: Credentials, user: User, password: str | None
    ) -> IssuedToken:
        if standing.user_id != user.user_id or password is None:
            raise NameTakenError(name=user.name)
        if not await self._passwords.matches(password, standing.password_hash):
            raise NameTakenError(name=user.name)
        return await self._issue_and_keep(user.user_id)

    async def _issue_and_keep(self, user_id: int) -> IssuedToken:
        issued = self._issue(user_id)
        await self._users.add_token(_stored(issued))
        return issued

    async def _valid(self, text: str) -> Token:
        token = self._tokens.get(text) or await self._read_token(text)
        if token is None or token.expires_at_ms <= self._clock.now_ms():
            raise NotAuthenticatedError(reason="the token is not valid, or not any more")
        return token

    async def _read_token(self, text: str) -> Token | None:
        lease = self._tokens.lease()
        token = await self._users.token(token_digest(text))
        if token and len(text) <= TOKEN_CHARACTERS:
            self._tokens.fill(text, token, lease=lease)
        return token

    def _issue(self, user_id: int) -> IssuedToken:
        text = urlsafe_b64encode(self._random_bytes(TOKEN_BYTES)).rstrip(b"=").decode()
        expires_at_ms = self._clock.now_ms() + round(self._token_lifetime_s * 1000)
        return IssuedToken(user_id, text, expires_at_ms)


def token_digest(text: str) -> bytes:
    """Return what of a token is stored."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _stored(issued: IssuedToken) -> Token:
    return Token(token_digest(issued.text), issued.user_id, issued.expires_at_ms)

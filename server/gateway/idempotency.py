"""Idempotency keys: a repeated POST is answered as the first was, and done once."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson

from server.errors import InvalidFieldError, KeyInProgressError, KeyReusedError
from server.gateway.calls import Answer
from server.ports.idempotency import IdempotencyKeys, KeyedAnswer, Reservation

KEY_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with a key.

    Attributes:
        scope: whose key it is: two users' keys never meet.
        key: the header.
        content: what makes it the same request: method, path and body.
        fresh_id: the id reserved for what it makes, unless an earlier one is reserved already.
        is_secret: whether its answer has a token, which is never kept.
    """

    scope: str
    key: str
    content: bytes
    fresh_id: int
    is_secret: bool


class Idempotency:
    """Keeps answers with the store, but for those with tokens.

    A request whose answer was not kept, be it for a token in it or because the server died, is done
    again when it is repeated, with the id that was reserved for it: the effect is there once. What
    gave a token is checked again too, so that a key alone gives nobody a token.
    """

    def __init__(self, keys: IdempotencyKeys) -> None:
        self._keys = keys
        self._in_progress: dict[bytes, bytes] = {}

    async def once(
        self, request: KeyedRequest, serve: Callable[[int], Awaitable[Answer]]
    ) -> Answer:
        """Return the answer of the first such request; `serve` takes the reserved id.

        Raises:
            KeyReusedError: if the key came with another request.
            KeyInProgressError: if the first request is not done.
        """
        if not (0 < len(request.key) <= KEY_CHARACTERS and request.key.isprintable()):
            raise InvalidFieldError(
                field="Idempotency-Key", reason=f"expected 1 to {KEY_CHARACTERS} characters"
            )
        digest = hashlib.sha256(json.dumps([request.scope, request.key]).encode()).digest()
        fingerprint = hashlib.sha256(request.content).digest()
        if digest in self._in_progress:
            same = self._in_progress[digest] == fingerprint
            raise KeyInProgressError if same else KeyReusedError
        self._in_progress[digest] = fingerprint
        try:
            reserved = await self._keys.reserve(digest, Reservation(fingerprint, request.fresh_id))
            if reserved.fingerprint != fingerprint:
                raise KeyReusedError
            if reserved.answer is not None:
                return _answer(reserved.answer)
            return await self._done(digest, reserved.reserved_id, request, serve)
        finally:
            del self._in_progress[digest]

    async def _done(
        self,
        digest: bytes,
        reserved_id: int,
        request: KeyedRequest,
        serve: Callable[[int], Awaitable[Answer]],
    ) -> Answer:
        try:
            answer = await serve(reserved_id)
        except Exception:
            # What an earlier one has done, perhaps, keeps its id.
            if reserved_id == request.fresh_id:
                await self._keys.release(digest)
            raise
        if not request.is_secret:
            body = b"" if answer.document is None else orjson.dumps(answer.document)
            await self._keys.answer(digest, KeyedAnswer(answer.status, answer.location, body))
        return answer


def _answer(kept: KeyedAnswer) -> Answer:
    document = json.loads(kept.body) if kept.body else None
    return Answer(kept.status, document, location=kept.location)

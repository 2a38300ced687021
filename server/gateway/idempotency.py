"""Idempotency keys: a repeated POST is answered as the first was, and done once."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson

from server.errors import InvalidFieldError, KeyInProgressError, KeyReusedError
from server.gateway.calls import Answer
from server.ports.idempotency import IdempotencyKeys, KeyedAnswer, Reservation

KEY_CHARACTERS = 255
SECRET_ANSWERS = 10_000


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with a key.

    Attributes:
        scope: whose key it is: two users' keys never meet.
        key: the header.
        content: what makes it the same request: method, path and body.
        fresh_id: the id reserved for what it makes, unless an earlier one is reserved already.
        is_secret: whether its answer has a token, which is never put on disk.
    """

    scope: str
    key: str
    content: bytes
    fresh_id: int
    is_secret: bool


class Idempotency:
    """Keeps answers with the store; those with tokens in memory only.

    When the server dies between an effect and its answer, the request is done again when it is
    repeated, with the id that was reserved for it: the effect is there once.
    """

    def __init__(self, keys: IdempotencyKeys) -> None:
        self._keys = keys
        self._in_progress: dict[bytes, bytes] = {}
        self._secret_answers: OrderedDict[bytes, Answer] = OrderedDict()

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
            return self._known(digest, reserved) or await self._first(
                digest, reserved.reserved_id, request, serve
            )
        finally:
            del self._in_progress[digest]

    def _known(self, digest: bytes, reserved: Reservation) -> Answer | None:
        if reserved.answer is None:
            return self._secret_answers.get(digest)
        document = json.loads(reserved.answer.body) if reserved.answer.body else None
        return Answer(reserved.answer.status, document, location=reserved.answer.location)

    async def _first(
        self,
        digest: bytes,
        fresh_id: int,
        request: KeyedRequest,
        serve: Callable[[int], Awaitable[Answer]],
    ) -> Answer:
        try:
            answer = await serve(fresh_id)
        except Exception:
            await self._keys.release(digest)
            raise
        if request.is_secret:
            self._secret_answers[digest] = answer
            if len(self._secret_answers) > SECRET_ANSWERS:
                self._secret_answers.popitem(last=False)
        else:
            body = b"" if answer.document is None else orjson.dumps(answer.document)
            await self._keys.answer(digest, KeyedAnswer(answer.status, answer.location, body))
        return answer

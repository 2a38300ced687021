"""Cursors: opaque texts that tell where a list goes on, and that only this server can make."""

import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from functools import lru_cache

from server.errors import InvalidFieldError
from server.model.ids import LARGEST_ID

_SIGNATURE_BYTES = 7
CURSORS_KEPT = 10_000
_ID = struct.Struct(">Q")


class Cursors:
    """Signs the id below which a list goes on, together with the list's name."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = hashlib.blake2b(key=secret)
        # Readers come back to the same pages.
        self._made = lru_cache(maxsize=CURSORS_KEPT)(self._make)
        self._read = lru_cache(maxsize=CURSORS_KEPT)(self._checked)

    def cursor(self, before: int | None, *, of: str) -> str | None:
        """Return the cursor of a list for an id; None for the end."""
        return None if before is None else self._made(before, of)

    def before(self, cursor: str | None, *, of: str) -> int:
        """Return the id that a list's cursor was made for; without one, the list's start.

        Raises:
            InvalidFieldError: if the cursor is not one of this list.
        """
        return LARGEST_ID if cursor is None else self._read(cursor, of)

    def _make(self, before: int, of: str) -> str:
        number = _ID.pack(before)
        return urlsafe_b64encode(number + self._signed(number, of)).decode()

    def _checked(self, cursor: str, of: str) -> int:
        try:
            decoded = urlsafe_b64decode(cursor.encode("ascii"))
        except (ValueError, Base64Error) as error:
            raise _wrong_cursor() from error
        number, signature = decoded[: _ID.size], decoded[_ID.size :]
        if not hmac.compare_digest(signature, self._signed(number, of)):
            raise _wrong_cursor()
        return int(_ID.unpack(number)[0])

    def _signed(self, number: bytes, of: str) -> bytes:
        digest = self._keyed.copy()
        digest.update(number + of.encode())
        return digest.digest()[:_SIGNATURE_BYTES]


def _wrong_cursor() -> InvalidFieldError:
    return InvalidFieldError(field="cursor", reason="expected a nextCursor of this list")

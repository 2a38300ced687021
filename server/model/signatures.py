"""AWS Signature Version 4 for S3, as pure functions: of requests, of URLs, and of body chunks.

Source of all of it: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
LONGEST_EXPIRY_S = 7 * 86_400
SIGNATURE = "X-Amz-Signature"

_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_UNRESERVED = "-_.~"
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What requests are signed with: an id that everybody may see, and a secret."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"AccessKey({self.key_id!r})"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for: a day (`YYYYMMDD`), a region, a service."""

    day: str
    region: str
    service: str = "s3"

    def __str__(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that a signature covers.

    Attributes:
        method: in capitals.
        path: as it is sent, percent-encoded.
        query: names and values, decoded, without the signature.
        headers: those that are signed, their names in lower case.
        payload: the body's SHA-256 in hex, or one of the words that stand for it.
    """

    method: str
    path: str
    query: Query
    headers: Mapping[str, str]
    payload: str

    @property
    def signed_headers(self) -> str:
        """The names of the signed headers, in order."""
        return ";".join(sorted(self.headers))

    @property
    def canonical(self) -> str:
        """The request in the one form that both sides sign."""
        encoded = sorted((_encoded(name), _encoded(value)) for name, value in self.query)
        headers = (f"{name}:{_trimmed(self.headers[name])}\n" for name in sorted(self.headers))
        return "\n".join(
            [
                self.method,
                quote(unquote_to_bytes(_bytes(self.path)), safe="/" + _UNRESERVED),
                "&".join(f"{name}={value}" for name, value in encoded),
                "".join(headers),
                self.signed_headers,
                self.payload,
            ]
        )


def amz_date(time_ms: int) -> str:
    """Return a time, milliseconds since 1970, as signatures have it."""
    return datetime.fromtimestamp(time_ms // 1000, tz=UTC).strftime(_TIME_FORMAT)


def time_ms_of_amz_date(text: str) -> int:
    """Return the time of a signature, milliseconds since 1970.

    Raises:
        ValueError: if it is none.
    """
    return round(datetime.strptime(text, _TIME_FORMAT).replace(tzinfo=UTC).timestamp() * 1000)


def signing_key(key: AccessKey, scope: Scope) -> bytes:
    """Return the key that signs within a scope."""
    derived = f"AWS4{key.secret}".encode()
    for part in (scope.day, scope.region, scope.service, "aws4_request"):
        derived = _hmac(derived, part)
    return derived


def signature(request: SignedRequest, *, key: AccessKey, scope: Scope, date: str) -> str:
    """Return the signature of a request."""
    digest = hashlib.sha256(_bytes(request.canonical)).hexdigest()
    text = "\n".join([ALGORITHM, date, str(scope), digest])
    return _hmac(signing_key(key, scope), text).hex()


def presigned_query(
    request: SignedRequest, *, key: AccessKey, scope: Scope, date: str, expires_s: int
) -> str:
    """Return the query that makes a URL a signed request, good from its date for some seconds."""
    query = [
        *request.query,
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{key.key_id}/{scope}"),
        ("X-Amz-Date", date),
        ("X-Amz-Expires", str(expires_s)),
        ("X-Amz-SignedHeaders", request.signed_headers),
    ]
    signed = SignedRequest(request.method, request.path, query, request.headers, request.payload)
    query.append((SIGNATURE, signature(signed, key=key, scope=scope, date=date)))
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in query)


@dataclass(frozen=True, slots=True)
class ChunkSigner:
    """Signs the chunks of a body, each with the signature before it; the seed is the request's."""

    key: AccessKey
    scope: Scope
    date: str

    def chunk(self, sha256: str, *, previous: str) -> str:
        """Return the signature of a chunk whose bytes have that digest, in hex."""
        return self._signed("PAYLOAD", previous, _EMPTY_SHA256, sha256)

    def trailer(self, headers: str, *, previous: str) -> str:
        """Return the signature of the trailing headers, each `name:value` and a line feed."""
        return self._signed("TRAILER", previous, hashlib.sha256(_bytes(headers)).hexdigest())

    def _signed(self, what: str, *parts: str) -> str:
        text = "\n".join([f"{ALGORITHM}-{what}", self.date, str(self.scope), *parts])
        return _hmac(signing_key(self.key, self.scope), text).hex()


def query_of(raw_query: str) -> Query:
    """Return the names and values of a query as it is sent, decoded; a plus is a plus."""
    pairs = (part.partition("=") for part in raw_query.split("&") if part)
    return [(_decoded(name), _decoded(value)) for name, _, value in pairs]


def same(found: str, expected: str) -> bool:
    """Whether a text that was sent is the one expected, in a time that does not tell how alike."""
    return hmac.compare_digest(_bytes(found), _bytes(expected))


def _decoded(text: str) -> str:
    return unquote(text, errors="surrogateescape")


def _encoded(text: str) -> str:
    return quote(_bytes(text), safe=_UNRESERVED)


def _bytes(text: str) -> bytes:
    """Return what was sent: a byte that is no UTF-8 came as half of a surrogate pair."""
    return text.encode(errors="surrogateescape")


def _trimmed(value: str) -> str:
    return " ".join(value.split())


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, _bytes(text), hashlib.sha256).digest()

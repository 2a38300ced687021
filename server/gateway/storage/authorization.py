"""Who may do what with the embedded object storage: requests signed with its access key.

Signed in the query (pre-signed URLs) or in the header `Authorization`, as S3 takes both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from server.gateway.storage.errors import Code, S3Error
from server.model.signatures import (
    ALGORITHM,
    LONGEST_EXPIRY_S,
    SIGNATURE,
    UNSIGNED_PAYLOAD,
    AccessKey,
    ChunkSigner,
    Scope,
    SignedRequest,
    query_of,
    same,
    signature,
    time_ms_of_amz_date,
)

# How far a client's clock may be off.
SKEW_MS = 15 * 60_000
_CREDENTIAL = re.compile(r"([^/]+)/(\d{8})/([\w-]*)/s3/aws4_request", re.ASCII)
# None that is good has more digits, and Python refuses to read thousands of them.
_SECONDS = re.compile(r"\d{1,6}", re.ASCII)
_HEADER = re.compile(
    rf"{ALGORITHM}\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]+)"
)


@dataclass(frozen=True, slots=True)
class Authorized:
    """What a good signature tells of the body.

    Attributes:
        payload: the body's SHA-256 in hex, or a word that stands for it.
        signature: of the request.
        chunks: signs the chunks of the body.
    """

    payload: str
    signature: str
    chunks: ChunkSigner


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a request says of its signature; `expires_s` None where it is good for the skew."""

    credential: str
    date: str
    expires_s: int | None
    signed_headers: str
    signature: str
    payload: str
    malformed: Code


def authorized(request: web.Request, *, key: AccessKey, now_ms: int) -> Authorized:
    """Return what a request is allowed to send, if its signature is good.

    Raises:
        S3Error: with S3's code for what is wrong with it.
    """
    path, _, raw_query = request.raw_path.partition("?")
    query = dict(query_of(raw_query))
    claim = _claim(query, request.headers)
    credential = _CREDENTIAL.fullmatch(claim.credential)
    if not credential or credential[2] != claim.date[:8]:
        raise S3Error(claim.malformed, "expected a credential KEY/YYYYMMDD/REGION/s3/aws4_request")
    _expect_in_time(claim, now_ms=now_ms)
    if not same(credential[1], key.key_id):
        raise S3Error(Code.INVALID_ACCESS_KEY_ID, "there is no such access key")
    scope = Scope(credential[2], credential[3])
    signed = SignedRequest(
        request.method,
        path,
        [pair for pair in query_of(raw_query) if pair[0] != SIGNATURE],
        _signed_headers(request, claim),
        claim.payload,
    )
    expected = signature(signed, key=key, scope=scope, date=claim.date)
    if not same(claim.signature, expected):
        raise S3Error(
            Code.SIGNATURE_DOES_NOT_MATCH,
            "the signature is not that of this method, path, query and these headers",
        )
    return Authorized(claim.payload, expected, ChunkSigner(key, scope, claim.date))


def _claim(query: Mapping[str, str], headers: Mapping[str, str]) -> _Claim:
    if "X-Amz-Algorithm" in query or SIGNATURE in query:
        return _claim_in_query(query)
    if "Authorization" in headers:
        return _claim_in_header(headers)
    raise S3Error(Code.ACCESS_DENIED, "the request is not signed")


def _claim_in_query(query: Mapping[str, str]) -> _Claim:
    try:
        algorithm, expires = query["X-Amz-Algorithm"], query["X-Amz-Expires"]
        claim = _Claim(
            credential=query["X-Amz-Credential"],
            date=query["X-Amz-Date"],
            expires_s=int(expires) if _SECONDS.fullmatch(expires) else 0,
            signed_headers=query["X-Amz-SignedHeaders"],
            signature=query[SIGNATURE],
            payload=query.get("X-Amz-Content-Sha256", UNSIGNED_PAYLOAD),
            malformed=Code.AUTHORIZATION_QUERY_ERROR,
        )
    except KeyError as error:
        raise S3Error(Code.AUTHORIZATION_QUERY_ERROR, f"{error.args[0]} is missing") from error
    if algorithm != ALGORITHM or not 1 <= (claim.expires_s or 0) <= LONGEST_EXPIRY_S:
        raise S3Error(
            Code.AUTHORIZATION_QUERY_ERROR,
            f"expected {ALGORITHM} and X-Amz-Expires from 1 to {LONGEST_EXPIRY_S}",
        )
    return claim


def _claim_in_header(headers: Mapping[str, str]) -> _Claim:
    parts = _HEADER.fullmatch(headers["Authorization"].strip())
    if not parts:
        raise S3Error(
            Code.AUTHORIZATION_HEADER_MALFORMED,
            f"expected {ALGORITHM} Credential=..., SignedHeaders=..., Signature=...",
        )
    try:
        date, payload = headers["X-Amz-Date"], headers["X-Amz-Content-Sha256"]
    except KeyError as error:
        raise S3Error(Code.INVALID_REQUEST, f"{error.args[0]} is missing") from error
    return _Claim(
        credential=parts[1],
        date=date,
        expires_s=None,
        signed_headers=parts[2],
        signature=parts[3],
        payload=payload,
        malformed=Code.AUTHORIZATION_HEADER_MALFORMED,
    )


def _expect_in_time(claim: _Claim, *, now_ms: int) -> None:
    try:
        signed_at_ms = time_ms_of_amz_date(claim.date)
    except ValueError as error:
        raise S3Error(claim.malformed, "expected a date such as 20130524T000000Z") from error
    if claim.expires_s is None:
        if abs(now_ms - signed_at_ms) > SKEW_MS:
            raise S3Error(
                Code.REQUEST_TIME_TOO_SKEWED, "its time is too far from that of the server"
            )
    elif now_ms >= signed_at_ms + claim.expires_s * 1000:
        raise S3Error(Code.ACCESS_DENIED, "Request has expired")
    elif signed_at_ms > now_ms + SKEW_MS:
        raise S3Error(Code.ACCESS_DENIED, "Request is not valid yet")


def _signed_headers(request: web.Request, claim: _Claim) -> Mapping[str, str]:
    """Return the headers that are signed; what S3 would act upon has to be among them."""
    names = claim.signed_headers.split(";")
    if "host" not in names:
        raise S3Error(claim.malformed, "the header host is not signed")
    for name in map(str.lower, request.headers):
        if name.startswith("x-amz-") and name not in {*names, "x-amz-content-sha256"}:
            raise S3Error(Code.ACCESS_DENIED, f"the header {name} is not signed")
    # One that is signed and does not come is signed as another value: the signature is wrong.
    return {name: ",".join(request.headers.getall(name, ())) for name in names}

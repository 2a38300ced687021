"""Bodies of uploads: read as they come, at the pace of the disk, and checked as S3 does."""

import asyncio
import base64
import hashlib
import hmac
import re
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

import anycrc
from aiohttp import web
from aiohttp.http import HttpProcessingError

from server.gateway.connection import LEAST_BYTES_PER_S
from server.gateway.storage.authorization import Authorized
from server.gateway.storage.errors import Code, S3Error
from server.model.signatures import UNSIGNED_PAYLOAD, same

# Of a chunk's size and signature, or of a trailing header.
LONGEST_LINE = 1_024
MOST_TRAILERS = 8

_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_STREAMING = "STREAMING-"
_SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_TRAILER = "-TRAILER"
_CHECKSUM = "x-amz-checksum-"


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A cyclic redundancy check, as S3 writes it: its highest byte first."""

    def __init__(self, crc: Callable[[bytes, int], int], size_bytes: int) -> None:
        self._crc = crc
        self._size_bytes = size_bytes
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._crc(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size_bytes, "big")


# In Python alone, 20 MB would hold up everybody else for seconds.
_CRC32C = anycrc.Model("CRC32C").calc
_CRC64NVME = anycrc.Model("CRC64-NVME").calc
# Source: Amazon S3 User Guide, "Checking object integrity".
_CHECKSUMS: Mapping[str, Callable[[], _Digest]] = {
    "crc32": lambda: _Crc(zlib.crc32, 4),
    "crc32c": lambda: _Crc(_CRC32C, 4),
    "crc64nvme": lambda: _Crc(_CRC64NVME, 8),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}


async def body_of(
    request: web.Request, allowed: Authorized, *, client_s: float
) -> AsyncIterator[bytes]:
    """Yield the bytes of the object that a request brings; it ends well if all of it is checked.

    Raises:
        S3Error: if they are not what was signed, declared or summed up, or come too slowly.
    """
    raw = _received(request, client_s=client_s)
    checks = _Checks(request.headers, allowed)
    if not allowed.payload.startswith(_STREAMING):
        async for data in raw:
            checks.update(data)
            yield data
        checks.expect({})
        return
    chunked = _ChunkedBody(raw, allowed)
    async for data in chunked.chunks():
        checks.update(data)
        yield data
    checks.expect(chunked.trailers)


def size_of(request: web.Request, allowed: Authorized, *, most_bytes: int) -> int:
    """Return how many bytes the object will have.

    Raises:
        S3Error: if the request does not say so, or has too many.
    """
    size_bytes = request.content_length
    if allowed.payload.startswith(_STREAMING):
        text = request.headers.get("X-Amz-Decoded-Content-Length", "")
        size_bytes = int(text) if _LENGTH.fullmatch(text) else None
    if size_bytes is None:
        raise S3Error(Code.MISSING_CONTENT_LENGTH, "the length of the object is not told")
    if size_bytes > most_bytes:
        raise S3Error(Code.ENTITY_TOO_LARGE, f"expected at most {most_bytes} bytes")
    return size_bytes


async def _received(request: web.Request, *, client_s: float) -> AsyncIterator[bytes]:
    """Yield what comes; a client that sends too little in `client_s` is not waited for."""
    loop = asyncio.get_running_loop()
    due_s, got_bytes = loop.time() + client_s, 0
    while True:
        try:
            async with asyncio.timeout_at(due_s):
                data = await request.content.readany()
        except TimeoutError as error:
            raise S3Error(Code.REQUEST_TIMEOUT, "the body comes too slowly") from error
        except (ConnectionError, HttpProcessingError, web.RequestPayloadError) as error:
            raise S3Error(Code.INCOMPLETE_BODY, "the body cannot be read to its end") from error
        if not data:
            return
        given_s = loop.time()
        yield data
        got_bytes += len(data)
        if got_bytes >= LEAST_BYTES_PER_S * client_s:
            due_s, got_bytes = loop.time() + client_s, 0
        else:
            # The disk's time is not the client's.
            due_s += loop.time() - given_s


class _Checks:
    """Compares the bytes with every digest that the request has of them."""

    def __init__(self, headers: Mapping[str, str], allowed: Authorized) -> None:
        self._digests: dict[str, _Digest] = {}
        self._expected: dict[str, bytes] = {}
        self._payload = allowed.payload
        for name, value in headers.items():
            self._add(name.lower(), value)
        if trailer := headers.get("X-Amz-Trailer"):
            self._sum(trailer.strip().lower())
        if allowed.payload != UNSIGNED_PAYLOAD and not allowed.payload.startswith(_STREAMING):
            self._digests["payload"] = hashlib.sha256()

    def update(self, data: bytes) -> None:
        """Take bytes into account."""
        for digest in self._digests.values():
            digest.update(data)

    def expect(self, trailers: Mapping[str, str]) -> None:
        """Check the whole.

        Raises:
            S3Error: if a digest is another.
        """
        for name, value in trailers.items():
            self._expected[name] = _of_base64(value)
        payload = self._digests.pop("payload", None)
        if payload and not same(self._payload, payload.digest().hex()):
            raise S3Error(Code.CONTENT_SHA256_MISMATCH, "the body is not the one that was signed")
        for name, digest in self._digests.items():
            if not hmac.compare_digest(digest.digest(), self._expected.get(name, b"")):
                raise S3Error(Code.BAD_DIGEST, f"the body is not the one of {name}")

    def _add(self, name: str, value: str) -> None:
        if name == "content-md5":
            self._digests[name] = hashlib.md5(usedforsecurity=False)
            self._expected[name] = _of_base64(value)
        elif name.startswith(_CHECKSUM) and name not in {
            f"{_CHECKSUM}algorithm",
            f"{_CHECKSUM}type",
        }:
            self._sum(name)
            self._expected[name] = _of_base64(value)

    def _sum(self, name: str) -> None:
        made = _CHECKSUMS.get(name.removeprefix(_CHECKSUM))
        if made is None:
            known = ", ".join(_CHECKSUMS)
            raise S3Error(Code.NOT_IMPLEMENTED, f"{name}: expected a checksum of {known}")
        self._digests[name] = made()


class _ChunkedBody:
    """A body in `aws-chunked` encoding, its chunks signed or not, perhaps with trailing headers.

    Source: Amazon S3 API Reference, "Signature Calculations for the Authorization Header:
    Transferring Payload in Multiple Chunks", and "... Including Trailing Headers".

    Attributes:
        trailers: the trailing headers, once all chunks are read.
    """

    def __init__(self, raw: AsyncIterator[bytes], allowed: Authorized) -> None:
        self._raw = raw
        self._buffer = bytearray()
        self._is_signed = allowed.payload.startswith(_SIGNED_CHUNKS)
        self._has_trailer = allowed.payload.endswith(_TRAILER)
        self._signer = allowed.chunks
        self._previous = allowed.signature
        self.trailers: dict[str, str] = {}

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what is in the chunks, each checked at its end."""
        left = 1
        while left:
            size, _, extension = (await self._line()).partition(";")
            left, digest = _size(size), hashlib.sha256()
            rest = left
            while rest:
                data = await self._part(rest)
                digest.update(data)
                rest -= len(data)
                yield data
            if self._is_signed:
                expected = self._signer.chunk(digest.hexdigest(), previous=self._previous)
                self._expect(extension.removeprefix("chunk-signature="), expected)
            if left and await self._line():
                raise _malformed()
        await self._read_trailers()

    async def _read_trailers(self) -> None:
        signed = ""
        for _ in range(MOST_TRAILERS):
            line = await self._line()
            if not line:
                break
            name, _, value = line.partition(":")
            name = name.strip().lower()
            if name == "x-amz-trailer-signature":
                self._expect(value.strip(), self._signer.trailer(signed, previous=self._previous))
                signed = ""
            else:
                signed += f"{name}:{value.strip()}\n"
                self.trailers[name] = value.strip()
        if signed and self._is_signed:
            raise S3Error(Code.SIGNATURE_DOES_NOT_MATCH, "a trailing header is not signed")
        if self.trailers and not self._has_trailer:
            raise _malformed()

    def _expect(self, found: str, expected: str) -> None:
        if not same(found, expected):
            raise S3Error(Code.SIGNATURE_DOES_NOT_MATCH, "a part of the body is not as signed")
        self._previous = expected

    async def _part(self, most: int) -> bytes:
        if not self._buffer:
            await self._fill()
        data = bytes(self._buffer[:most])
        del self._buffer[:most]
        return data

    async def _line(self) -> str:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > LONGEST_LINE:
                raise _malformed()
            await self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line.decode("latin-1")

    async def _fill(self) -> None:
        data = await anext(self._raw, b"")
        if not data:
            raise S3Error(Code.INCOMPLETE_BODY, "the body ends before its last chunk")
        self._buffer += data


def _size(text: str) -> int:
    try:
        size = int(text, 16)
    except ValueError as error:
        raise _malformed() from error
    if size < 0:
        raise _malformed()
    return size


def _malformed() -> S3Error:
    return S3Error(Code.INVALID_REQUEST, "the body is not in the aws-chunked encoding")


def _of_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise S3Error(Code.INVALID_REQUEST, "expected a digest in base64") from error

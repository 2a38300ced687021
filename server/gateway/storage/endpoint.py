"""The embedded object storage's URL: objects put, read and deleted as any S3 client does it."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from server.errors import (
    InvalidFieldError,
    NotFoundError,
    ObjectExistsError,
    OverloadedError,
    RequestError,
    StorageError,
    WrongBytesError,
)
from server.gateway.storage.authorization import Authorized, authorized
from server.gateway.storage.bodies import body_of, size_of
from server.gateway.storage.errors import Code, S3Error, error_response
from server.limits import Limits
from server.model.signatures import AccessKey, query_of
from server.ports.clock import Clock
from server.ports.object_storage import EmbeddedStorage, StoredObject
from server.ports.telemetry import Telemetry
from server.services.object_storage import ObjectReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

BOX = "object_storage"
STORAGE_PATH = "/storage"
DEFAULT_TYPE = "application/octet-stream"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class StorageAccess:
    """What the endpoint gives access to.

    Attributes:
        bucket: the one that there is.
        key: that requests are signed with.
        largest_bytes: of an object.
        is_key: whether an object can have a key.
    """

    bucket: str
    key: AccessKey
    largest_bytes: int
    is_key: Callable[[str], bool]


class StorageEndpoint:
    """Answers as S3 does, for one bucket, path-style.

    Attributes:
        uploads: in progress.
    """

    def __init__(
        self,
        *,
        access: StorageAccess,
        storage: EmbeddedStorage,
        receiver: ObjectReceiver,
        limits: Limits,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._access = access
        self._storage = storage
        self._receiver = receiver
        self._limits = limits
        self._clock = clock
        self._telemetry = telemetry
        self.uploads = 0
        self._methods = {
            "PUT": self._put,
            "GET": self._get,
            "HEAD": self._head,
            "DELETE": self._delete,
        }

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the routes of the bucket and of its objects."""
        return [
            web.route(
                "*",
                f"{STORAGE_PATH}/{{bucket}}/{{key:.*}}",
                self._handle_object,
                expect_handler=_wait_for_authorization,
            ),
            web.route("*", f"{STORAGE_PATH}/{{bucket}}", self._handle_bucket),
            web.route("*", f"{STORAGE_PATH}/", self._handle_bucket),
        ]

    async def _handle_object(self, request: web.Request) -> web.StreamResponse:
        if not request.match_info["key"]:
            return await self._handle_bucket(request)
        with self._telemetry.span(BOX):
            try:
                allowed = self._authorized(request)
                serve = self._methods.get(request.method)
                if serve is None:
                    raise S3Error(Code.METHOD_NOT_ALLOWED, "an object is put, read or deleted")
                self._expect_plain(request)
                return await serve(request, allowed)
            except RequestError as error:
                return error_response(_s3_error(error), request)

    async def _handle_bucket(self, request: web.Request) -> web.StreamResponse:
        try:
            self._authorized(request)
        except S3Error as error:
            return error_response(error, request)
        if request.method == "HEAD" and "bucket" in request.match_info:
            return web.Response()
        unknown = S3Error(Code.NOT_IMPLEMENTED, "objects are put, read and deleted, no more")
        return error_response(unknown, request)

    def _authorized(self, request: web.Request) -> Authorized:
        allowed = authorized(request, key=self._access.key, now_ms=self._clock.now_ms())
        bucket = request.match_info.get("bucket", self._access.bucket)
        if bucket != self._access.bucket:
            raise S3Error(Code.NO_SUCH_BUCKET, "there is no such bucket")
        return allowed

    def _expect_plain(self, request: web.Request) -> None:
        """Refuse what S3 knows and this does not, instead of doing something else."""
        _, _, raw_query = request.raw_path.partition("?")
        for name, _ in query_of(raw_query):
            if not name.lower().startswith("x-amz-") and name != "x-id":
                raise S3Error(Code.NOT_IMPLEMENTED, f"the query {name} is not known here")
        if "X-Amz-Copy-Source" in request.headers:
            raise S3Error(Code.NOT_IMPLEMENTED, "objects are not copied here")

    async def _put(self, request: web.Request, allowed: Authorized) -> web.StreamResponse:
        key = request.match_info["key"]
        if not self._access.is_key(key):
            raise S3Error(Code.INVALID_ARGUMENT, "expected a key of letters, digits and -_./")
        condition = request.headers.get(hdrs.IF_NONE_MATCH)
        if condition not in {None, "*"} or hdrs.IF_MATCH in request.headers:
            raise S3Error(Code.NOT_IMPLEMENTED, "the only condition known here is If-None-Match: *")
        size_bytes = size_of(request, allowed, most_bytes=self._access.largest_bytes)
        # As it was signed: with a subtype's parameters, if it has some.
        content_type = request.headers.get(hdrs.CONTENT_TYPE, DEFAULT_TYPE)
        with self._counted():
            if condition and await self._storage.head(key):
                raise ObjectExistsError(key=key)
            if request.headers.get(hdrs.EXPECT):
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            stored = await self._receiver.take(
                key,
                body_of(request, allowed, client_s=self._limits.client_s),
                content_type=content_type,
                size_bytes=size_bytes,
                replaces=condition is None,
            )
        return web.Response(headers={hdrs.ETAG: stored.etag})

    async def _get(self, request: web.Request, _: Authorized) -> web.StreamResponse:
        stored = await self._stored(request)
        if stored.etag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
            return web.Response(status=304, headers={hdrs.ETAG: stored.etag})
        first, last = _range(request.headers.get(hdrs.RANGE), stored.size_bytes)
        is_part = hdrs.RANGE in request.headers and last - first + 1 < stored.size_bytes
        response = web.StreamResponse(status=206 if is_part else 200, headers=_told(stored))
        if is_part:
            response.headers[hdrs.CONTENT_RANGE] = f"bytes {first}-{last}/{stored.size_bytes}"
        response.content_length = last - first + 1
        await response.prepare(request)
        async for data in self._bytes(request.match_info["key"], first, last):
            await response.write(data)
        await response.write_eof()
        return response

    async def _head(self, request: web.Request, _: Authorized) -> web.StreamResponse:
        stored = await self._stored(request)
        response = web.StreamResponse(headers=_told(stored))
        response.content_length = stored.size_bytes
        await response.prepare(request)
        return response

    async def _delete(self, request: web.Request, _: Authorized) -> web.StreamResponse:
        if self._access.is_key(request.match_info["key"]):
            await self._storage.delete([request.match_info["key"]])
        return web.Response(status=204)

    async def _stored(self, request: web.Request) -> StoredObject:
        key = request.match_info["key"]
        stored = await self._storage.head(key) if self._access.is_key(key) else None
        if stored is None:
            raise S3Error(Code.NO_SUCH_KEY, "there is no such object")
        return stored

    def _bytes(self, key: str, first: int, last: int) -> AsyncIterator[bytes]:
        return self._storage.read(key, first=first, last=last)

    @contextmanager
    def _counted(self) -> "Iterator[None]":
        if self.uploads >= self._limits.uploads:
            raise OverloadedError(box=BOX)
        self.uploads += 1
        try:
            yield
        finally:
            self.uploads -= 1


async def _wait_for_authorization(_request: web.Request) -> None:
    """Do not ask for the body yet: a client that may not send it does not have to."""


def _told(stored: StoredObject) -> dict[str, str]:
    return {
        hdrs.CONTENT_TYPE: stored.content_type,
        hdrs.ETAG: stored.etag,
        hdrs.ACCEPT_RANGES: "bytes",
    }


def _range(text: str | None, size_bytes: int) -> tuple[int, int]:
    """Return the first and the last byte that are asked for; all, if it is no range of ours."""
    whole = 0, size_bytes - 1
    found = _RANGE.fullmatch(text or "")
    if not found or not any(found.groups()):
        return whole
    if not found[1]:
        first, last = max(size_bytes - int(found[2]), 0), size_bytes - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size_bytes), size_bytes - 1)
    if first >= size_bytes or first > last:
        raise S3Error(Code.INVALID_RANGE, f"the object has {size_bytes} bytes")
    return first, last


def _s3_error(error: RequestError) -> S3Error:
    match error:
        case S3Error():
            return error
        case ObjectExistsError():
            return S3Error(Code.PRECONDITION_FAILED, str(error))
        case NotFoundError():
            return S3Error(Code.NO_SUCH_KEY, str(error))
        case WrongBytesError() | InvalidFieldError():
            return S3Error(Code.INVALID_REQUEST, str(error))
        case OverloadedError():
            return S3Error(Code.SLOW_DOWN, str(error))
        case StorageError():
            return S3Error(Code.SERVICE_UNAVAILABLE, str(error))
        case _:
            raise error

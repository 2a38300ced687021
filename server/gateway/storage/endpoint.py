"""The embedded object storage's URL: objects put, read and deleted as any S3 client does it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import hdrs, web

from server.errors import (
    InvalidFieldError,
    NotFoundError,
    ObjectExistsError,
    OverloadedError,
    RequestError,
    StorageError,
    UnknownUploadError,
    UnsatisfiableRangeError,
    WrongBytesError,
    WrongPartError,
)
from server.gateway.storage.authorization import Authorized, authorized
from server.gateway.storage.bodies import body_of, size_of
from server.gateway.storage.errors import Code, S3Error, error_response
from server.gateway.storage.parts import DEFAULT_TYPE, PartsEndpoint
from server.gateway.streaming import streamed
from server.limits import Limits
from server.model.media import is_key
from server.model.ranges import Span, asked_span
from server.model.signatures import AccessKey, query_of
from server.model.validators import http_date, is_unchanged
from server.ports.clock import Clock
from server.ports.object_storage import EmbeddedStorage, StoredObject
from server.ports.telemetry import Telemetry
from server.services.object_storage import ObjectReceiver
from server.services.uploads_in_parts import UploadsInParts

BOX = "object_storage"
STORAGE_PATH = "/storage"
# Of what S3 would keep with an object, or do with it.
_UNKNOWN_HEADERS = (
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-grant-",
    "x-amz-meta-",
    "x-amz-object-lock-",
    "x-amz-server-side-encryption",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
)
# In how many chunks it comes is no encoding of the object's.
_PLAIN_ENCODINGS = frozenset({"", "aws-chunked", "identity"})

_Serve = Callable[[web.Request, Authorized], Awaitable[web.StreamResponse]]
_CODES: dict[type, Code] = {
    ObjectExistsError: Code.PRECONDITION_FAILED,
    NotFoundError: Code.NO_SUCH_KEY,
    UnknownUploadError: Code.NO_SUCH_UPLOAD,
    WrongPartError: Code.INVALID_PART,
    WrongBytesError: Code.INVALID_REQUEST,
    InvalidFieldError: Code.INVALID_REQUEST,
    UnsatisfiableRangeError: Code.INVALID_RANGE,
    OverloadedError: Code.SLOW_DOWN,
    StorageError: Code.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class StorageAccess:
    """What the endpoint gives access to.

    Attributes:
        bucket: the one that there is.
        key: that requests are signed with.
        largest_bytes: of an object.
    """

    bucket: str
    key: AccessKey
    largest_bytes: int


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
        parts = PartsEndpoint(
            UploadsInParts(storage, receiver, clock, largest_bytes=access.largest_bytes),
            self._receiving,
            client_s=limits.client_s,
        )
        # By the method and what the query names.
        self._calls: dict[tuple[str, frozenset[str]], _Serve] = {
            ("PUT", frozenset()): self._put,
            ("GET", frozenset()): self._get,
            ("HEAD", frozenset()): self._head,
            ("DELETE", frozenset()): self._delete,
            ("POST", frozenset({"uploads"})): parts.begin,
            ("PUT", frozenset({"partNumber", "uploadId"})): parts.put,
            ("POST", frozenset({"uploadId"})): parts.finish,
            ("DELETE", frozenset({"uploadId"})): parts.abandon,
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
                _expect_plain(request)
                return await self._call(request)(request, allowed)
            except RequestError as error:
                return error_response(_s3_error(error), request)

    def _call(self, request: web.Request) -> _Serve:
        query = query_of(request.raw_path.partition("?")[2])
        names = {name for name, _ in query if not name.lower().startswith("x-amz-")} - {"x-id"}
        serve = self._calls.get((request.method, frozenset(names)))
        if serve is None and names:
            unknown = ", ".join(sorted(names))
            raise S3Error(Code.NOT_IMPLEMENTED, f"{request.method} with {unknown} is not known")
        if serve is None:
            raise S3Error(Code.METHOD_NOT_ALLOWED, "an object is put, read or deleted")
        if request.method in {"PUT", "POST"} and not is_key(request.match_info["key"]):
            raise S3Error(Code.INVALID_ARGUMENT, "expected a key of letters, digits and -_./")
        return serve

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

    async def _put(self, request: web.Request, allowed: Authorized) -> web.StreamResponse:
        key = request.match_info["key"]
        condition = request.headers.get(hdrs.IF_NONE_MATCH)
        if condition not in {None, "*"} or hdrs.IF_MATCH in request.headers:
            raise S3Error(Code.NOT_IMPLEMENTED, "the only condition known here is If-None-Match: *")
        size_bytes = size_of(request, allowed, most_bytes=self._access.largest_bytes)
        # As it was signed: with a subtype's parameters, if it has some.
        content_type = request.headers.get(hdrs.CONTENT_TYPE, DEFAULT_TYPE)
        if condition and await self._storage.head(key):
            raise ObjectExistsError(key=key)
        async with self._receiving(request):
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
        if _is_known(request, stored):
            return web.Response(status=304, headers=_told(stored))
        asked = asked_span(request.headers.get(hdrs.RANGE), stored.size_bytes)
        span = asked or Span(0, stored.size_bytes - 1)
        response = web.StreamResponse(status=206 if asked else 200, headers=_told(stored))
        if asked:
            told = f"bytes {span.first}-{span.last}/{stored.size_bytes}"
            response.headers[hdrs.CONTENT_RANGE] = told
        response.headers[hdrs.CONTENT_TYPE] = stored.content_type
        response.content_length = span.size_bytes
        pieces = self._storage.read(request.match_info["key"], first=span.first, last=span.last)
        return await streamed(request, response, pieces)

    async def _head(self, request: web.Request, _: Authorized) -> web.StreamResponse:
        stored = await self._stored(request)
        if _is_known(request, stored):
            return web.Response(status=304, headers=_told(stored))
        told = {
            **_told(stored),
            hdrs.CONTENT_TYPE: stored.content_type,
            hdrs.CONTENT_LENGTH: str(stored.size_bytes),
        }
        return web.Response(headers=told)

    async def _delete(self, request: web.Request, _: Authorized) -> web.StreamResponse:
        if is_key(request.match_info["key"]):
            await self._storage.delete([request.match_info["key"]])
        return web.Response(status=204)

    async def _stored(self, request: web.Request) -> StoredObject:
        key = request.match_info["key"]
        stored = await self._storage.head(key) if is_key(key) else None
        if stored is None:
            raise S3Error(Code.NO_SUCH_KEY, "there is no such object")
        return stored

    @asynccontextmanager
    async def _receiving(self, request: web.Request) -> AsyncIterator[None]:
        """Count an upload while its bytes come, which are asked for if the client waits."""
        if self.uploads >= self._limits.uploads:
            raise OverloadedError(box=BOX)
        self.uploads += 1
        try:
            if request.headers.get(hdrs.EXPECT):
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            yield
        finally:
            self.uploads -= 1


async def _wait_for_authorization(_request: web.Request) -> None:
    """Do not ask for the body yet: a client that may not send it does not have to."""


def _expect_plain(request: web.Request) -> None:
    """Refuse what S3 knows and this does not, instead of doing something else."""
    for name in map(str.lower, request.headers):
        if name.startswith(_UNKNOWN_HEADERS):
            raise S3Error(Code.NOT_IMPLEMENTED, f"the header {name} is not known here")
    encodings = request.headers.get(hdrs.CONTENT_ENCODING, "").lower().split(",")
    if not _PLAIN_ENCODINGS.issuperset(map(str.strip, encodings)):
        raise S3Error(Code.NOT_IMPLEMENTED, "an encoding is not kept with an object here")


def _told(stored: StoredObject) -> dict[str, str]:
    return {
        hdrs.ETAG: stored.etag,
        hdrs.LAST_MODIFIED: http_date(stored.modified_at_s),
        hdrs.ACCEPT_RANGES: "bytes",
    }


def _is_known(request: web.Request, stored: StoredObject) -> bool:
    return is_unchanged(
        etag=stored.etag,
        modified_at_s=stored.modified_at_s,
        none_match=request.headers.get(hdrs.IF_NONE_MATCH),
        modified_since=request.headers.get(hdrs.IF_MODIFIED_SINCE),
    )


def _s3_error(error: RequestError) -> S3Error:
    if isinstance(error, S3Error):
        return error
    code = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), None)
    if code is None:
        raise error
    return S3Error(code, str(error))

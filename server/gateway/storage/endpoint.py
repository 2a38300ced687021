"""The embedded object storage's URL: objects put, read and deleted as any S3 client does it."""

from collections.abc import Sequence
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
    UnsatisfiableRangeError,
    WrongBytesError,
)
from server.gateway.storage.authorization import Authorized, authorized
from server.gateway.storage.bodies import body_of, size_of
from server.gateway.storage.errors import Code, S3Error, error_response
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

if TYPE_CHECKING:
    from collections.abc import Iterator

BOX = "object_storage"
STORAGE_PATH = "/storage"
DEFAULT_TYPE = "application/octet-stream"
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
                _expect_plain(request)
                serve = self._methods.get(request.method)
                if serve is None:
                    raise S3Error(Code.METHOD_NOT_ALLOWED, "an object is put, read or deleted")
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

    async def _put(self, request: web.Request, allowed: Authorized) -> web.StreamResponse:
        key = request.match_info["key"]
        if not is_key(key):
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


def _expect_plain(request: web.Request) -> None:
    """Refuse what S3 knows and this does not, instead of doing something else."""
    _, _, raw_query = request.raw_path.partition("?")
    for name, _ in query_of(raw_query):
        if not name.lower().startswith("x-amz-") and name != "x-id":
            raise S3Error(Code.NOT_IMPLEMENTED, f"the query {name} is not known here")
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
    match error:
        case S3Error():
            return error
        case ObjectExistsError():
            return S3Error(Code.PRECONDITION_FAILED, str(error))
        case NotFoundError():
            return S3Error(Code.NO_SUCH_KEY, str(error))
        case WrongBytesError() | InvalidFieldError():
            return S3Error(Code.INVALID_REQUEST, str(error))
        case UnsatisfiableRangeError():
            return S3Error(Code.INVALID_RANGE, str(error))
        case OverloadedError():
            return S3Error(Code.SLOW_DOWN, str(error))
        case StorageError():
            return S3Error(Code.SERVICE_UNAVAILABLE, str(error))
        case _:
            raise error

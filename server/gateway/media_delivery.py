"""`GET mediaUrl`: what the cdn answers, with ranges, validators and how long it may be kept.

Source: RFC 9110 (ranges in 14, conditional requests in 13), RFC 9111, RFC 8246 (immutable).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus

from aiohttp import hdrs, web

from server.errors import NotFoundError
from server.gateway.streaming import streamed
from server.gateway.whole_response import NO_SNIFFING, SERVER, WholeResponse
from server.model.delivery import AS_ORIGINAL, client_of
from server.model.media import MEDIA_PATH, is_key
from server.model.ranges import Span, asked_span
from server.model.validators import http_date, is_as_expected, is_unchanged
from server.ports.object_storage import StoredObject
from server.ports.telemetry import Telemetry
from server.services.cdn import BOX, SLICE_BYTES, Cdn, Found, Part

MEDIA_PATTERN = f"{MEDIA_PATH}{{key}}"
# An original is shown until its renditions are there, so it is asked for again.
_FOR_NOW = "no-cache"
_FOR_EVER = "public, max-age=31536000, immutable"
# Shown as what it is and nothing else: a file of a stranger's runs nothing here.
_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
_PREFIXES = ("u/", "r/")
# Heads of some 600 bytes that are written once, for the objects that are asked for most.
_HEADS = 4_096


class MediaDelivery:
    """Media for anybody who knows its URL."""

    def __init__(self, cdn: Cdn, telemetry: Telemetry) -> None:
        self._cdn = cdn
        self._telemetry = telemetry

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the route of media for aiohttp's application; `HEAD` goes with it."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self.serve(request, request.match_info)

        return [web.get(f"{MEDIA_PATH}{{key:.+}}", handle)]

    async def serve(
        self, request: web.Request, parameters: Mapping[str, str]
    ) -> web.StreamResponse:
        """Answer a request for the key that is among the parameters of its path."""
        key = parameters["key"]
        if not key.startswith(_PREFIXES) or not is_key(key):
            raise NotFoundError(kind="media", found=key)
        asked_width, as_original = None, False
        if "?" in request.raw_path:
            asked_width = request.query.get("w")
            as_original = AS_ORIGINAL in request.query_string.split("&")
        client = client_of(request.headers, asked_width=asked_width)
        with self._telemetry.span(BOX):
            found = await self._cdn.find(key, client, as_original=as_original)
            _expect_wanted(request, found)
            if found.is_stream and "Range" in request.headers and request.method == "GET":
                return _moved(key, found)
            if _is_known(request, found):
                return _whole(HTTPStatus.NOT_MODIFIED, found, None)
            return await self._send(request, found)

    async def _send(self, request: web.Request, found: Found) -> web.StreamResponse:
        size_bytes = found.stored.size_bytes
        if request.method == "HEAD" or not size_bytes:
            head = _whole(HTTPStatus.OK, found, None)
            head.add_header("Content-Length", str(size_bytes))
            head.add_header("X-Cache", "HIT" if self._is_held(found) else "MISS")
            return head
        asked = _asked_span(request, found)
        span = asked or Span(0, size_bytes - 1)
        status = HTTPStatus.OK if asked is None else HTTPStatus.PARTIAL_CONTENT
        part = await self._cdn.part(found, first=span.first, last=span.last)
        told = {"X-Cache": "MISS"}
        if part.is_hit:
            told = {"X-Cache": "HIT", "Age": str(int(part.age_s))}
        if asked:
            told["Content-Range"] = f"bytes {span.first}-{span.last}/{size_bytes}"
        if part.rest is not None:
            told["Content-Length"] = str(span.size_bytes)
            response = web.StreamResponse(status=status, headers={**_headers_of(found), **told})
            return await streamed(request, response, _pieces(part))
        whole = _whole(status, found, part.head)
        for name, value in told.items():
            whole.add_header(name, value)
        return whole

    def _is_held(self, found: Found) -> bool:
        """Whether the edge has all of an object."""
        slices = range(-(-found.stored.size_bytes // SLICE_BYTES))
        return all((found.key, number) in self._cdn.cache for number in slices)


class _MediaResponse(WholeResponse):
    """An object, or a part of it, that lies within one slice; or just what is told of it."""

    def __init__(self, status: int, body: bytes | None, *, head: str) -> None:
        super().__init__(status, body)
        self._ready_made_head = head

    def _ready_made(self) -> str:
        return self._ready_made_head


def _whole(status: HTTPStatus, found: Found, body: bytes | None) -> WholeResponse:
    head = _head(status, found.stored, found.vary, is_final=found.is_final)
    return _MediaResponse(status, body, head=head)


def _moved(key: str, found: Found) -> WholeResponse:
    """Send a client to where the object that was found is by itself.

    What the parts of a file are asked for has to be that file from the first to the last, whatever
    the client tells of itself meanwhile, and whatever is made of the upload.
    """
    place = f"?{AS_ORIGINAL}" if found.key == key else "../" * key.count("/") + found.key
    response = _MediaResponse(HTTPStatus.FOUND, b"", head=_moved_head(found.vary))
    response.add_header(hdrs.LOCATION, place)
    return response


async def _pieces(part: Part) -> AsyncIterator[bytes]:
    yield part.head
    if part.rest:
        async for piece in part.rest:
            yield piece


def _headers_of(found: Found) -> Mapping[str, str]:
    return _headers(found.stored, found.vary, is_final=found.is_final)


def _headers(stored: StoredObject, vary: tuple[str, ...], *, is_final: bool) -> dict[str, str]:
    return {
        hdrs.CONTENT_TYPE: stored.content_type,
        "ETag": stored.etag,
        hdrs.LAST_MODIFIED: http_date(stored.modified_at_s),
        hdrs.ACCEPT_RANGES: "bytes",
        **_headers_for_all(vary, caching=_FOR_EVER if is_final else _FOR_NOW),
    }


def _headers_for_all(vary: tuple[str, ...], *, caching: str) -> dict[str, str]:
    headers = {
        hdrs.CACHE_CONTROL: caching,
        "Content-Security-Policy": _POLICY,
        # Public: a page or a player of another host may read it.
        hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return headers | {hdrs.VARY: ", ".join(vary)} if vary else headers


@lru_cache(maxsize=_HEADS)
def _head(
    status: HTTPStatus, stored: StoredObject, vary: tuple[str, ...], *, is_final: bool
) -> str:
    headers = _headers(stored, vary, is_final=is_final)
    if status is HTTPStatus.NOT_MODIFIED:
        del headers[hdrs.CONTENT_TYPE]
    return _written(status, headers)


@lru_cache
def _moved_head(vary: tuple[str, ...]) -> str:
    return _written(HTTPStatus.FOUND, _headers_for_all(vary, caching=_FOR_NOW))


def _written(status: HTTPStatus, headers: Mapping[str, str]) -> str:
    """Return how an answer begins, with what every answer of the server has."""
    everywhere = {hdrs.SERVER: SERVER, "X-Content-Type-Options": NO_SNIFFING}
    lines = (f"{name}: {value}\r\n" for name, value in {**headers, **everywhere}.items())
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n{''.join(lines)}"


def _expect_wanted(request: web.Request, found: Found) -> None:
    """Refuse a client that wants another version than there is."""
    headers = request.headers
    if not is_as_expected(
        etag=found.stored.etag,
        modified_at_s=found.stored.modified_at_s,
        match=headers.get(hdrs.IF_MATCH),
        unmodified_since=headers.get(hdrs.IF_UNMODIFIED_SINCE),
    ):
        raise web.HTTPPreconditionFailed


def _is_known(request: web.Request, found: Found) -> bool:
    headers = request.headers
    return is_unchanged(
        etag=found.stored.etag,
        modified_at_s=found.stored.modified_at_s,
        none_match=headers.get(hdrs.IF_NONE_MATCH),
        modified_since=headers.get(hdrs.IF_MODIFIED_SINCE),
    )


def _asked_span(request: web.Request, found: Found) -> Span | None:
    """Return the part that is asked for; None for all of it, or if it is of another version."""
    asked = request.headers.get(hdrs.RANGE)
    if asked is None or request.headers.get(hdrs.IF_RANGE, found.stored.etag) != found.stored.etag:
        return None
    return asked_span(asked, found.stored.size_bytes)

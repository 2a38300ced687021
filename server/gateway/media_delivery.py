"""`GET mediaUrl`: what the cdn answers, with ranges, validators and how long it may be kept.

Source: RFC 9110 (ranges in 14, conditional requests in 13), RFC 9111, RFC 8246 (immutable).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from server.errors import NotFoundError, RequestError
from server.model.delivery import AS_ORIGINAL, client_of
from server.model.media import is_key
from server.ports.telemetry import Telemetry
from server.services.cdn import BOX, Cdn, Found

# An original is shown until its renditions are there, so it is asked for again.
_FOR_NOW = "no-cache"
_FOR_EVER = "public, max-age=31536000, immutable"
# Shown as what it is and nothing else: a file of a stranger's runs nothing here.
_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"

_PREFIXES = ("u/", "r/")
_ETAG = re.compile(r'(?:W/)?("[^"]*")')
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of an object: both ends are included."""

    first: int
    last: int

    @property
    def size_bytes(self) -> int:
        return self.last - self.first + 1


class UnsatisfiableRangeError(web.HTTPRequestRangeNotSatisfiable):
    """A range that begins behind the object's end."""

    def __init__(self, *, size_bytes: int) -> None:
        super().__init__(headers={"Content-Range": f"bytes */{size_bytes}"})


class MediaDelivery:
    """Media for anybody who knows its URL."""

    def __init__(self, cdn: Cdn, telemetry: Telemetry) -> None:
        self._cdn = cdn
        self._telemetry = telemetry

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the route of media; `HEAD` goes with it."""
        return [web.get("/media/{key:.+}", self._answer)]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        if not is_key(key) or not key.startswith(_PREFIXES):
            raise NotFoundError(kind="media", found=key)
        client = client_of(request.headers, asked_width=request.query.get("w"))
        as_original = AS_ORIGINAL in request.query_string.split("&")
        with self._telemetry.span(BOX):
            found = await self._cdn.find(key, client, as_original=as_original)
            headers = _headers(found)
            if found.is_stream and "Range" in request.headers and request.method == "GET":
                headers = {**headers, "Location": _place(key, found), "Cache-Control": _FOR_NOW}
                del headers["ETag"]
                return web.Response(status=302, headers=headers)
            if _is_known(request, found):
                return web.Response(status=304, headers=headers)
            headers["Content-Type"] = found.stored.content_type
            return await self._send(request, found, headers)

    async def _send(
        self, request: web.Request, found: Found, headers: dict[str, str]
    ) -> web.StreamResponse:
        size_bytes = found.stored.size_bytes
        span = _asked_span(request, found)
        status = 200 if span is None else 206
        if span is None:
            span = _Span(0, size_bytes - 1)
        else:
            headers["Content-Range"] = f"bytes {span.first}-{span.last}/{size_bytes}"
        if request.method == "HEAD" or not size_bytes:
            headers["Content-Length"] = str(span.size_bytes)
            return web.Response(status=status, headers=headers)
        part = await self._cdn.part(found, first=span.first, last=span.last)
        headers["X-Cache"] = "HIT" if part.is_hit else "MISS"
        if part.is_hit:
            headers["Age"] = str(int(part.age_s))
        if part.rest is None:
            return web.Response(status=status, headers=headers, body=part.head)
        headers["Content-Length"] = str(span.size_bytes)
        response = web.StreamResponse(status=status, headers=headers)
        try:
            await response.prepare(request)
            await response.write(part.head)
            async for piece in part.rest:
                await response.write(piece)
            await response.write_eof()
        except (RequestError, ConnectionError):
            # Too late to tell: the client sees that it is cut short, or has gone itself.
            if request.transport is not None:
                request.transport.abort()
        return response


def _place(key: str, found: Found) -> str:
    """Return where the object that was found is by itself, from where the key is.

    What the parts of a file are asked for has to be that file from the first to the last, whatever
    the client tells of itself meanwhile, and whatever is made of the upload.
    """
    if found.key == key:
        return f"?{AS_ORIGINAL}"
    return "../" * key.count("/") + found.key


def _headers(found: Found) -> dict[str, str]:
    headers = {
        "ETag": found.stored.etag,
        "Cache-Control": _FOR_EVER if found.is_final else _FOR_NOW,
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": _POLICY,
        # Public: a page or a player of another host may read it.
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if found.vary:
        headers["Vary"] = ", ".join(found.vary)
    return headers


def _is_known(request: web.Request, found: Found) -> bool:
    """Whether the client has these bytes; compared weakly, as for `If-None-Match`."""
    known = request.headers.get("If-None-Match")
    if known is None:
        return False
    return known.strip() == "*" or found.stored.etag in _ETAG.findall(known)


def _asked_span(request: web.Request, found: Found) -> _Span | None:
    """Return the part that a GET asks for; None for all of it.

    Several ranges, and what is no range of bytes, are answered with all of it.

    Raises:
        UnsatisfiableRangeError: if nothing of it is there.
    """
    asked = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if asked is None or request.method != "GET" or asked[0] == "bytes=-":
        return None
    condition = request.headers.get("If-Range")
    if condition is not None and condition != found.stored.etag:
        return None
    size_bytes = found.stored.size_bytes
    if not asked[1]:
        first, last = max(0, size_bytes - int(asked[2])), size_bytes - 1
    else:
        first, last = int(asked[1]), min(int(asked[2] or size_bytes), size_bytes - 1)
        if asked[2] and int(asked[2]) < first:
            return None
    if first > last:
        raise UnsatisfiableRangeError(size_bytes=size_bytes)
    return _Span(first, last)

"""S3's multipart uploads: begun, put part by part, and finished or abandoned.

Source: Amazon S3 API Reference, `CreateMultipartUpload` and the calls named there.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from html import unescape
from xml.sax.saxutils import escape

from aiohttp import hdrs, web

from server.gateway.storage.authorization import Authorized
from server.gateway.storage.bodies import body_of, size_of
from server.gateway.storage.errors import Code, S3Error
from server.model.signatures import query_of
from server.services.uploads_in_parts import UploadsInParts

DEFAULT_TYPE = "application/octet-stream"
# Of S3's: 10,000 parts, each told by some 200 bytes.
MOST_PARTS = 10_000
LARGEST_LIST_BYTES = 4_194_304
_NUMBER = re.compile(r"[1-9]\d{0,4}", re.ASCII)
_PART = re.compile(r"<Part>(.*?)</Part>", re.DOTALL)
_PART_NUMBER = re.compile(r"<PartNumber>\s*([1-9]\d{0,4})\s*</PartNumber>", re.ASCII)
_PART_ETAG = re.compile(r"<ETag>\s*([^<]{1,100}?)\s*</ETag>")

# Counts an upload while its bytes come, and asks for them.
Receiving = Callable[[web.Request], AbstractAsyncContextManager[None]]


class PartsEndpoint:
    """Answers what S3 clients ask for when they upload a large file."""

    def __init__(self, uploads: UploadsInParts, receiving: Receiving, *, client_s: float) -> None:
        self._uploads = uploads
        self._receiving = receiving
        self._client_s = client_s

    async def begin(self, request: web.Request, _: Authorized) -> web.Response:
        """Begin an upload."""
        key = request.match_info["key"]
        content_type = request.headers.get(hdrs.CONTENT_TYPE, DEFAULT_TYPE)
        upload_id = await self._uploads.begin(key, content_type=content_type)
        return _document("InitiateMultipartUploadResult", Key=key, UploadId=upload_id)

    async def put(self, request: web.Request, allowed: Authorized) -> web.Response:
        """Take a part."""
        key, upload_id = request.match_info["key"], _asked(request, "uploadId")
        number = _asked(request, "partNumber")
        if not _NUMBER.fullmatch(number) or int(number) > MOST_PARTS:
            raise S3Error(Code.INVALID_ARGUMENT, f"expected a partNumber from 1 to {MOST_PARTS}")
        room_bytes = self._uploads.room_bytes(upload_id, key, number=int(number))
        size_bytes = size_of(request, allowed, most_bytes=room_bytes)
        async with self._receiving(request):
            body = body_of(request, allowed, client_s=self._client_s)
            part = await self._uploads.put(
                upload_id, key, body, number=int(number), size_bytes=size_bytes
            )
        return web.Response(headers={hdrs.ETAG: part.etag})

    async def finish(self, request: web.Request, allowed: Authorized) -> web.Response:
        """Make the parts one object."""
        key, condition = request.match_info["key"], request.headers.get(hdrs.IF_NONE_MATCH)
        if condition not in {None, "*"} or hdrs.IF_MATCH in request.headers:
            raise S3Error(Code.NOT_IMPLEMENTED, "the only condition known here is If-None-Match: *")
        size_of(request, allowed, most_bytes=LARGEST_LIST_BYTES)
        async with self._receiving(request):
            told = await _gathered(body_of(request, allowed, client_s=self._client_s))
            stored = await self._uploads.finish(
                _asked(request, "uploadId"), key, _parts(told), replaces=condition is None
            )
        return _document("CompleteMultipartUploadResult", Key=key, ETag=stored.etag)

    async def abandon(self, request: web.Request, _: Authorized) -> web.Response:
        """Forget an upload."""
        await self._uploads.abandon(_asked(request, "uploadId"), request.match_info["key"])
        return web.Response(status=204)


def _asked(request: web.Request, name: str) -> str:
    return dict(query_of(request.raw_path.partition("?")[2]))[name]


async def _gathered(body: AsyncIterator[bytes]) -> str:
    data = bytearray()
    async for more in body:
        data += more
        if len(data) > LARGEST_LIST_BYTES:
            raise S3Error(Code.ENTITY_TOO_LARGE, f"expected at most {LARGEST_LIST_BYTES} bytes")
    return data.decode(errors="replace")


def _parts(document: str) -> list[tuple[int, str]]:
    """Return number and tag of each part that a `CompleteMultipartUpload` tells."""
    found = []
    for part in _PART.findall(document):
        number, etag = _PART_NUMBER.search(part), _PART_ETAG.search(part)
        if number is None or etag is None:
            raise S3Error(Code.MALFORMED_XML, "expected a PartNumber and an ETag in each Part")
        found.append((int(number[1]), unescape(etag[1])))
    if not found:
        raise S3Error(Code.MALFORMED_XML, "expected a CompleteMultipartUpload with its parts")
    return found


def _document(name: str, **told: str) -> web.Response:
    inside = "".join(f"<{each}>{escape(text)}</{each}>" for each, text in told.items())
    xmlns = "http://s3.amazonaws.com/doc/2006-03-01/"
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{xmlns}">{inside}</{name}>'
    return web.Response(body=document.encode(), content_type="application/xml")

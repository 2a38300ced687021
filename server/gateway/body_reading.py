"""The body of a request: what may be sent, how much and how fast, read to its end."""

import asyncio
import zlib

from aiohttp import hdrs, web
from aiohttp.http import HttpProcessingError, HttpVersion11

from server.errors import (
    BodyTooLargeError,
    BrokenBodyError,
    SlowBodyError,
    UnsupportedBodyError,
)
from server.gateway.request_connection import while_body_arrives

JSON = "application/json"
# For `zlib`: finds out by itself which of the two it is.
_GZIP_OR_DEFLATE = zlib.MAX_WBITS | 32
_ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})


async def read_body(request: web.Request, *, within_s: float, most_bytes: int) -> bytes:
    """Return the body, JSON in UTF-8 that is yet to be parsed.

    Raises:
        UnsupportedBodyError: if its headers tell of anything else.
        BodyTooLargeError: if it is too large, or its headers say that it will be.
        HTTPExpectationFailed: if the client expects what the server does not know.
        BrokenBodyError: if it ends early, or is not in the encoding that its headers tell.
        SlowBodyError: if it takes too long.
    """
    encoding = _expect_known_headers(request)
    # A small body is here already, with its headers.
    if request.content.is_eof():
        body = request.content.read_nowait()
        if len(body) > most_bytes:
            raise BodyTooLargeError(most_bytes=most_bytes)
    else:
        if (request.content_length or 0) > most_bytes:
            raise BodyTooLargeError(most_bytes=most_bytes)
        if hdrs.EXPECT in request.headers:
            await _let_go_on(request)
        try:
            body = await _arriving(request, within_s)
        except web.HTTPRequestEntityTooLarge as error:
            raise BodyTooLargeError(most_bytes=most_bytes) from error
    return body if encoding == "identity" else _decoded(body, most_bytes=most_bytes)


def expects_nothing_unknown(request: web.BaseRequest) -> bool:
    """Whether a client expects nothing, or what RFC 9110 has (section 10.1.1)."""
    return request.headers.get(hdrs.EXPECT, "100-continue").lower() == "100-continue"


def _expect_known_headers(request: web.Request) -> str:
    """Return how the body is encoded."""
    headers = request.headers
    if headers.get(hdrs.CONTENT_TYPE) != JSON:
        _expect_json(request)
    encoding = headers.get(hdrs.CONTENT_ENCODING, "identity").lower()
    if encoding != "identity" and encoding not in _ENCODINGS:
        raise UnsupportedBodyError(
            header=hdrs.CONTENT_ENCODING, found=encoding, expected="gzip or deflate, or none"
        )
    if hdrs.EXPECT in headers and not expects_nothing_unknown(request):
        raise web.HTTPExpectationFailed
    return encoding


def _expect_json(request: web.Request) -> None:
    if request.content_type != JSON or (request.charset or "utf-8").lower() not in {
        "utf-8",
        "utf8",
    }:
        raise UnsupportedBodyError(
            header=hdrs.CONTENT_TYPE,
            found=request.headers.get(hdrs.CONTENT_TYPE, ""),
            expected=f"{JSON}, in UTF-8",
        )


async def _let_go_on(request: web.Request) -> None:
    """Ask for the body of a client that waits to hear whether it is wanted."""
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # Nothing of the answer itself is sent yet.
        request.writer.output_size = 0


async def _arriving(request: web.Request, within_s: float) -> bytes:
    try:
        with while_body_arrives(request):
            async with asyncio.timeout(within_s):
                return await request.read()
    except TimeoutError as error:
        _stop_reading(request)
        raise SlowBodyError(within_s=within_s) from error
    except (ConnectionError, HttpProcessingError, web.RequestPayloadError) as error:
        _stop_reading(request)
        raise BrokenBodyError(reason="it cannot be read to its end") from error


def _stop_reading(request: web.Request) -> None:
    """Take no more from this connection, where nobody knows what belongs to which request."""
    request.protocol.close()
    request.content.feed_eof()


def _decoded(body: bytes, *, most_bytes: int) -> bytes:
    decompressor = zlib.decompressobj(_GZIP_OR_DEFLATE)
    try:
        decoded = decompressor.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise BrokenBodyError(reason="it is not in its Content-Encoding") from error
    if len(decoded) > most_bytes:
        raise BodyTooLargeError(most_bytes=most_bytes)
    if not decompressor.eof or decompressor.unused_data:
        raise BrokenBodyError(reason="it is not in its Content-Encoding")
    return decoded

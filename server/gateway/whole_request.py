"""Requests that have come whole, read without a connection's protocol."""

import asyncio
from typing import cast

from aiohttp import EMPTY_PAYLOAD, HttpVersion11, hdrs, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError, HttpRequestParser, StreamWriter

# Of a body that comes in one piece with its headers.
_MOST_BYTES = 2**16
HEADERS_END = b"\r\n\r\n"


class WholeRequests:
    """Reads them with aiohttp's parser, one for all connections.

    That is safe only because it is kept after nothing but a whole request, to the last byte: the
    begun head of another would be what the next client's request goes on with.
    """

    def __init__(self) -> None:
        self._parser: HttpRequestParser | None = None

    def read(self, data: bytes, http: web.RequestHandler) -> web.Request | None:
        """Return the request that these bytes are.

        None if they are anything else, or ask for more than an answer: to close the connection, to
        speak something else from then on. `http` is the connection's protocol, which has not read
        them, and may do so then.
        """
        loop = asyncio.get_running_loop()
        parser = self._parser or HttpRequestParser(
            BaseProtocol(loop), loop, limit=_MOST_BYTES, auto_decompress=False
        )
        self._parser = None
        try:
            messages, is_upgraded, _ = parser.feed_data(data)
        except HttpProcessingError:
            return None
        if is_upgraded or len(messages) != 1:
            return None
        message, payload = messages[0]
        body_bytes = 0 if payload is EMPTY_PAYLOAD else payload.total_bytes
        is_whole = payload is EMPTY_PAYLOAD or payload.is_eof()
        # By the parser's own count, so that no header is understood in two ways.
        if not is_whole or data.find(HEADERS_END) + len(HEADERS_END) + body_bytes != len(data):
            return None
        self._parser = parser
        if (
            message.should_close
            or message.version != HttpVersion11
            or hdrs.EXPECT in message.headers
        ):
            return None
        # No task of aiohttp's answers it.
        task = cast("asyncio.Task[None]", None)
        return web.Request(
            message, payload, http, StreamWriter(http, loop), task, loop, client_max_size=0
        )

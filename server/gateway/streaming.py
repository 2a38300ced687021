"""Answers that are sent piece by piece."""

from collections.abc import AsyncIterator

from aiohttp import web

from server.errors import RequestError
from server.gateway.envelope import seal


async def streamed(
    request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Send a response with pieces of a body, to its end or to that of the connection."""
    seal(request, response)
    try:
        await response.prepare(request)
        async for piece in pieces:
            await response.write(piece)
        await response.write_eof()
    except (RequestError, ConnectionError):
        # Too late to tell: the client sees that it is cut short, or has gone itself.
        if request.transport is not None:
            request.transport.abort()
    return response

"""What a request may know of the connection that it came by."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

from server.gateway.connections import Connection


@asynccontextmanager
async def while_connected(request: web.Request) -> AsyncIterator[None]:
    """Leave the block when the client goes, however long it would wait for something else."""
    connection = connection_of(request)
    presence = asyncio.timeout(None)
    try:
        async with presence:
            if connection:
                connection.presence = presence
            try:
                yield
            finally:
                if connection:
                    connection.presence = None
    except TimeoutError:
        # Another's is not the client's going.
        if not presence.expired():
            raise


@contextmanager
def while_body_arrives(request: web.Request) -> Iterator[None]:
    """Let the reading of a body fail as soon as what arrives is none.

    aiohttp keeps that to itself, for the next request of the connection, and lets this one wait.
    """
    connection = connection_of(request)
    if connection is None:
        yield
        return
    connection.expect_body(request.content)
    try:
        yield
    finally:
        connection.expect_body(None)


def connection_of(request: web.BaseRequest) -> Connection | None:
    """Return the connection that a request came by; None if the client has gone."""
    protocol = request.transport.get_protocol() if request.transport else None
    return protocol if isinstance(protocol, Connection) else None

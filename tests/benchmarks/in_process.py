"""Requests without sockets: what the server's own code costs, apart from the system's."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from server.limits import Limits
from server.process import protocols


class Wire(asyncio.Transport):
    """A transport that keeps the last answer, of one request at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: Any = None
        self.answered: asyncio.Future[bytes] | None = None

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return what reads from it."""
        protocol: asyncio.BaseProtocol = self.protocol
        return protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have something else read from it."""
        self.protocol = protocol

    def is_closing(self) -> bool:
        """Say that it is open."""
        return False

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Tell where the client is."""
        return ("127.0.0.1", 1) if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        """Say that everything was taken."""
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take an answer."""
        if self.answered and not self.answered.done():
            self.answered.set_result(bytes(data))

    def writelines(self, parts: Any) -> None:  # noqa: ANN401 - any buffers
        """Take an answer in parts."""
        self.write(b"".join(parts))

    def pause_reading(self) -> None:
        """Do nothing: there is one request at a time."""

    def resume_reading(self) -> None:
        """Do nothing, as above."""

    def abort(self) -> None:
        """Tell who waits that no answer will come."""
        if self.answered and not self.answered.done():
            self.answered.set_exception(ConnectionAbortedError())

    def close(self) -> None:
        """Do the same: an answer would have been written by now."""
        self.abort()


@asynccontextmanager
async def connected(app: web.Application) -> AsyncIterator[Wire]:
    """Run an application; yields a connection to it."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    wire = Wire()
    wire.protocol = protocols(app, runner, Limits())()
    wire.protocol.connection_made(wire)
    try:
        yield wire
    finally:
        wire.protocol.connection_lost(None)
        await runner.cleanup()


async def answer(wire: Wire, request: bytes) -> bytes:
    """Send a request and return the whole answer."""
    wire.answered = asyncio.get_running_loop().create_future()
    wire.protocol.data_received(request)
    return await wire.answered


async def cpu_us(wire: Wire, requests: Sequence[bytes]) -> float:
    """Send requests one after the other; the CPU of one, in microseconds."""
    started_s = time.thread_time()
    for request in requests:
        await answer(wire, request)
    return (time.thread_time() - started_s) / len(requests) * 1e6

"""How many connections are open, and which of them keep the server waiting."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Protocol

from aiohttp.web_protocol import RequestHandler

from server.gateway.admission import Admission
from server.gateway.early_refusal import Refusals
from server.limits import MOST_CONNECTIONS, Limits

# How often slow clients are looked for while one may keep the server waiting, and at least.
LOOKS = 10
LONGEST_LOOK_S = 1.0

# What answers a request in a while: it returns the answer, or sends it itself and tells whether the
# connection stays.
Answering = Coroutine[None, None, bytes | bool]
# Answers what has come on a connection: at once, in a while, or not at all. See `FrontDoor.take`.
Take = Callable[[bytes, RequestHandler], bytes | Answering | None]
# Answers it only if nothing has to be waited for. See `FrontDoor.glance`.
Glance = Callable[[bytes, RequestHandler], bytes | None]


class Watched(Protocol):
    """Who is looked at every now and then."""

    def expect_progress(self, now_s: float) -> None:
        """Be cut off if more should have come, or gone, by now."""
        ...


class Connections:
    """Counts the connections, and makes the protocol of each.

    Attributes:
        admission: who is let in when more comes than can be served.
        most: how many may be open at once.
        client_s: how long a client may keep the server waiting.
        idle_s: how long a connection stays open without a request.
        open: how many are open.
        refused: how many were refused since the start, because too many were open.
        refusals: tells clients that too many are open.
        cut: how many were cut off since the start, because the client was too slow.
        answered_at_once: requests that were, since the start.
    """

    def __init__(
        self,
        limits: Limits,
        admission: Admission,
        *,
        take: Take = lambda *_: None,
        glance: Glance = lambda *_: None,
    ) -> None:
        """`take` is asked first to answer what is let in, `glance` what is about to be refused."""
        self.admission = admission
        self.take = take
        self.glance = glance
        self.most = limits.connections or MOST_CONNECTIONS
        self.client_s = limits.client_s
        self.idle_s = limits.idle_s
        self.open = 0
        self.refused = 0
        self.cut = 0
        self.refusals = Refusals()
        self.answered_at_once = 0
        self._watched: set[Watched] = set()
        self._look: asyncio.TimerHandle | None = None

    def watch(self, connection: Watched) -> None:
        """Look at a connection every now and then, until it has closed."""
        self._watched.add(connection)
        if self._look is None:
            self._look_later()

    def unwatch(self, connection: Watched) -> None:
        """Look at a connection no more."""
        self._watched.discard(connection)
        if self._look and not self._watched:
            self._look.cancel()
            self._look = None

    def _look_later(self) -> None:
        # A timer for each request would cost as much as its authentication.
        every_s = min(self.client_s / LOOKS, LONGEST_LOOK_S)
        self._look = asyncio.get_running_loop().call_later(every_s, self._look_at_all)

    def _look_at_all(self) -> None:
        now_s = asyncio.get_running_loop().time()
        for connection in tuple(self._watched):
            connection.expect_progress(now_s)
        self._look_later()

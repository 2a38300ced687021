"""The turns of the event loop in the server as it is put together."""

import asyncio
import secrets
from contextvars import ContextVar
from pathlib import Path

import uvloop
from aiohttp import web

from server.adapters.clock import SystemClock
from server.app import CONNECTIONS, build_app
from server.gateway.admission import A_TURN
from server.settings import ServerSettings

WAIT = 5
WHOSE: ContextVar[str] = ContextVar("WHOSE", default="nobody's")


class Waiting:
    """Somebody in the line, who looks whose context his turn is in."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    def hand_on(self) -> None:
        self._seen.append(WHOSE.get())


def test_a_turn_is_in_the_context_of_none_of_those_who_wait(tmp_path: Path) -> None:
    """What others are answered with would be noted among the first one's times."""

    async def wait() -> list[str]:
        settings = ServerSettings(tmp_path)
        app = await build_app(settings, clock=SystemClock(), random_bytes=secrets.token_bytes)
        runner = web.AppRunner(app)
        await runner.setup()
        seen: list[str] = []
        WHOSE.set("the first one's")
        for _ in range(A_TURN + WAIT):
            app[CONNECTIONS].admission.join(Waiting(seen))
        # In the next turns.
        await asyncio.sleep(0.1)
        await runner.cleanup()
        return seen

    assert uvloop.run(wait())[A_TURN:] == ["nobody's"] * WAIT

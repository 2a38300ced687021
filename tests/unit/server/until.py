"""Waiting for something that is about to be."""

import asyncio
from collections.abc import Callable

LOOKS, LOOK_AGAIN_S = 5_000, 0.001


async def until(condition: Callable[[], bool]) -> None:
    """Return once it is so; raise `TimeoutError` after some seconds."""
    for _ in range(LOOKS):
        if condition():
            return
        await asyncio.sleep(LOOK_AGAIN_S)
    raise TimeoutError

"""The event loop's lag: one stop is told as it was, until it is long ago."""

import asyncio
import time

from server.adapters.loop_lag import EVERY_S, LoopLag

STOP_S = 0.3


def test_one_stop_of_the_loop_is_told_in_full() -> None:
    async def test() -> float:
        lag = LoopLag(time.monotonic)
        measuring = asyncio.create_task(lag.measure())
        await asyncio.sleep(EVERY_S / 2)
        time.sleep(STOP_S)  # noqa: ASYNC251 - nothing else gets on meanwhile: that is measured
        await asyncio.sleep(3 * EVERY_S)
        measuring.cancel()
        return lag.longest_s

    assert asyncio.run(test()) >= STOP_S - EVERY_S

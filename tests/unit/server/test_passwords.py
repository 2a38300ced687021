"""Hashing a password takes long, and nobody else waits for it."""

import asyncio
import secrets

from server.adapters.passwords import ScryptCost, ScryptPasswords

SLOW = ScryptCost(n=2**16)


def test_the_event_loop_goes_on_while_a_password_is_hashed() -> None:
    async def test() -> None:
        passwords = ScryptPasswords(secrets.token_bytes, cost=SLOW)
        try:
            hashing = asyncio.ensure_future(passwords.hashed("a good password"))
            turns = 0
            while not hashing.done():
                await asyncio.sleep(0)
                turns += 1

            assert turns > 100
            assert await passwords.matches("a good password", await hashing)
        finally:
            passwords.close()

    asyncio.run(test())

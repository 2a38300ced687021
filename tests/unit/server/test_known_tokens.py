"""Tokens in memory: who needs no trip to the store is known for as long as the token is good."""

import asyncio

from server.adapters.memory.stores import memory_stores
from server.services.accounts import Accounts, IssuedToken
from tests.fakes.clock import ManualClock
from tests.fakes.passwords import PlainPasswords

LIFETIME_S = 60


def signed_up() -> tuple[Accounts, ManualClock, IssuedToken]:
    """Return accounts with a user, the clock that they go by, and the user's token."""
    clock = ManualClock()
    accounts = Accounts(
        users=memory_stores(clock, max_entries=5).users,
        passwords=PlainPasswords(),
        clock=clock,
        random_bytes=bytes,
        token_lifetime_s=LIFETIME_S,
    )
    issued = asyncio.run(accounts.sign_up("ada", None, fresh_id=7))
    asyncio.run(accounts.user_of(issued.text))
    return accounts, clock, issued


def test_a_token_that_was_seen_is_known() -> None:
    accounts, clock, token = signed_up()
    clock.ms += (LIFETIME_S - 1) * 1000

    assert accounts.known_user_of(token.text) == token.user_id


def test_a_token_that_has_expired_is_not_known_any_more() -> None:
    accounts, clock, token = signed_up()
    clock.ms += LIFETIME_S * 1000

    assert accounts.known_user_of(token.text) is None


def test_a_token_that_was_revoked_is_not_known_any_more() -> None:
    accounts, _, token = signed_up()
    asyncio.run(accounts.sign_out(token.text))

    assert accounts.known_user_of(token.text) is None

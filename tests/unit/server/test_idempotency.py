"""Keys of those who have no token: nobody gets another's token, or a refusal for another's key."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from server.errors import KeyReusedError, NameTakenError, StorageError
from server.gateway.calls import Answer
from server.gateway.idempotency import Idempotency, KeyedRequest
from server.model.ids import first_id_at
from tests.unit.server.small_world import SmallWorld, small_world

DAY_MS = 86_400_000


async def sign_up(
    world: SmallWorld, keys: Idempotency, name: str, password: str | None = None
) -> object:
    """Sign up with the key "1"; returns the token."""

    async def serve(fresh_id: int) -> Answer:
        issued = await world.boxes.accounts.sign_up(name, password, fresh_id=fresh_id)
        return Answer(201, {"userId": issued.user_id, "token": issued.text})

    answer = await keys.once(
        KeyedRequest(
            scope="",
            key="1",
            content=f"{name} {password}".encode(),
            fresh_id=world.boxes.surroundings.ids.new(),
            is_secret=True,
        ),
        serve,
    )
    assert answer.document
    return answer.document["token"]


def run(folder: Path, test: Callable[[SmallWorld, Idempotency], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with small_world(folder) as world:
            await test(world, Idempotency(world.boxes.stores.keys))

    asyncio.run(opened())


def test_a_key_that_was_purged_gives_nobody_the_token_of_its_first_user(tmp_path: Path) -> None:
    async def test(world: SmallWorld, keys: Idempotency) -> None:
        victim = await sign_up(world, keys, "victim")
        world.clock.ms += DAY_MS + 1
        before = first_id_at(world.clock.ms - DAY_MS)
        await world.boxes.stores.keys.purge(reserved_before_id=before)

        assert await sign_up(world, keys, "attacker") != victim

    run(tmp_path, test)


def test_repeating_a_sign_up_without_a_password_gives_no_token(tmp_path: Path) -> None:
    async def test(world: SmallWorld, keys: Idempotency) -> None:
        await sign_up(world, keys, "carol")

        with pytest.raises(NameTakenError):
            await sign_up(world, keys, "carol")

    run(tmp_path, test)


def test_repeating_a_sign_up_with_its_password_gives_the_same_user_a_token(
    tmp_path: Path,
) -> None:
    async def test(world: SmallWorld, keys: Idempotency) -> None:
        first = str(await sign_up(world, keys, "ada", "ada's password"))
        again = str(await sign_up(world, keys, "ada", "ada's password"))

        accounts = world.boxes.accounts
        assert again != first
        assert await accounts.user_of(again) == await accounts.user_of(first)
        with pytest.raises(KeyReusedError):
            await sign_up(world, keys, "ada", "a guess")

    run(tmp_path, test)


def test_a_repeat_that_fails_does_not_lose_the_id_of_what_was_done(tmp_path: Path) -> None:
    async def test(world: SmallWorld, keys: Idempotency) -> None:
        first = str(await sign_up(world, keys, "ada", "ada's password"))
        write = world.boxes.stores.users.add_token

        async def failing(_token: object) -> None:
            raise StorageError(reason="a full disk")

        world.boxes.stores.users.add_token = failing  # type: ignore[method-assign,assignment]
        with pytest.raises(StorageError):
            await sign_up(world, keys, "ada", "ada's password")
        world.boxes.stores.users.add_token = write  # type: ignore[method-assign]
        again = str(await sign_up(world, keys, "ada", "ada's password"))

        accounts = world.boxes.accounts
        assert await accounts.user_of(again) == await accounts.user_of(first)

    run(tmp_path, test)

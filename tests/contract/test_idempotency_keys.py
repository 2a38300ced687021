"""What every adapter of the idempotency keys promises."""

from server.ports.idempotency import KeyedAnswer, Reservation
from server.ports.stores import Stores

FIRST = Reservation(b"body", reserved_id=10)
ANSWER = KeyedAnswer(201, location="/v1/posts/10", body=b"{}")


async def test_the_first_reservation_of_a_key_stands(stores: Stores) -> None:
    assert await stores.keys.reserve(b"key", FIRST) == FIRST
    assert await stores.keys.reserve(b"key", Reservation(b"other", reserved_id=11)) == FIRST


async def test_an_answer_is_kept_with_its_key(stores: Stores) -> None:
    await stores.keys.reserve(b"key", FIRST)
    await stores.keys.answer(b"key", ANSWER)
    await stores.keys.release(b"key")

    assert await stores.keys.reserve(b"key", FIRST) == Reservation(b"body", 10, ANSWER)


async def test_a_key_without_an_answer_can_be_released(stores: Stores) -> None:
    await stores.keys.reserve(b"key", FIRST)
    await stores.keys.release(b"key")

    again = Reservation(b"other", reserved_id=11)
    assert await stores.keys.reserve(b"key", again) == again


async def test_old_keys_are_purged(stores: Stores) -> None:
    await stores.keys.reserve(b"key", FIRST)
    await stores.keys.purge(reserved_before_id=11)

    again = Reservation(b"other", reserved_id=12)
    assert await stores.keys.reserve(b"key", again) == again

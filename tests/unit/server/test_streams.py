"""A stream misses nothing that is written after it was opened, and ends for the reason it ends."""

import asyncio
from pathlib import Path

import pytest

from server.model.records import Notification, NotificationKind
from tests.unit.server.small_world import small_world


def test_a_notification_whose_id_is_older_than_the_stream_is_not_missed(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            owner, other = [await world.user(name) for name in ("a", "b")]
            service, ids = world.boxes.notification_service, world.boxes.surroundings.ids
            late = Notification(ids.new(), owner, NotificationKind.LIKE, actor_id=other, post_id=1)
            stream = service.stream(owner, after=None, heartbeat_s=0.01)
            assert await anext(stream) == []
            await world.boxes.stores.notifications.add([late])

            assert await anext(stream) == [late]
            await stream.aclose()

    asyncio.run(test())


def test_a_heartbeat_comes_only_after_a_time_without_notifications(tmp_path: Path) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            owner, other = [await world.user(name) for name in ("a", "b")]
            ids, store = world.boxes.surroundings.ids, world.boxes.stores.notifications
            seen = Notification(ids.new(), owner, NotificationKind.LIKE, actor_id=other, post_id=1)
            await store.add([seen])
            stream = world.boxes.notification_service.stream(owner, after=0, heartbeat_s=0.3)
            assert await anext(stream) == [seen]
            started_s = asyncio.get_running_loop().time()

            assert await anext(stream) == []
            assert asyncio.get_running_loop().time() - started_s > 0.25
            await stream.aclose()

    asyncio.run(test())


def test_a_timeout_of_the_stream_s_own_work_is_not_taken_for_the_end_of_its_token(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with small_world(tmp_path) as world:
            accounts, fresh_id = world.boxes.accounts, world.boxes.surroundings.ids.new()
            issued = await accounts.sign_up("ada", None, fresh_id=fresh_id)

            with pytest.raises(TimeoutError):
                async with accounts.while_valid(issued.text):
                    raise TimeoutError
            async with accounts.while_valid(issued.text):
                await accounts.sign_out(issued.text)
                await asyncio.sleep(60)

    asyncio.run(test())

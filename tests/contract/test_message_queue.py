"""What every adapter of the message queue promises."""

from server.model.events import Event, EventKind, Queue
from server.model.ids import LARGEST_ID
from server.model.records import Like, Notification, NotificationKind
from server.ports.stores import Stores
from tests.contract.rows import ALL, events_in, posted


async def test_notifications_acknowledge_the_events_they_come_from(stores: Stores) -> None:
    for liker in (2, 3):
        event = Event(EventKind.LIKED, liker, 10)
        await stores.likes.add(Like(100 + liker, post_id=10, user_id=liker), event)
    queue = Queue.NOTIFICATION_SERVICE
    first, second = await stores.messages.due(queue, now_ms=LARGEST_ID, limit=10)

    told = Notification(300, 1, NotificationKind.LIKE, actor_id=2, post_id=10)
    await stores.notifications.add([told], acknowledging=[first.sequence])

    assert await stores.messages.due(queue, now_ms=LARGEST_ID, limit=10) == [second]
    assert await stores.notifications.of_user(1, ALL) == [told]


async def test_an_event_is_delivered_until_it_is_acknowledged(stores: Stores) -> None:
    for post_id in (10, 11):
        await stores.posts.add(*posted(post_id))
    queue = Queue.FEED_GENERATOR
    first, second = await stores.messages.due(queue, now_ms=0, limit=10)

    await stores.messages.acknowledge([first.sequence])
    await stores.messages.put_off(second.sequence, until_ms=500)

    assert await stores.messages.due(queue, now_ms=499, limit=10) == []
    [again] = await stores.messages.due(queue, now_ms=500, limit=10)
    assert (again.event, again.attempts) == (second.event, 1)
    assert (await stores.messages.backlog(queue)).events == 1


async def test_an_event_without_a_row_waits_in_its_queue_once(stores: Stores) -> None:
    event = Event(EventKind.POSTED_WIDELY, 1, 10)

    for _ in range(2):
        await stores.messages.put([event, event], queued_at_ms=7)

    [delivery] = await stores.messages.due(Queue.WIDE_FAN_OUT, now_ms=0, limit=10)
    assert (delivery.event, delivery.queued_at_ms) == (event, 7)


async def test_a_dead_letter_keeps_its_reason_and_can_be_replayed(stores: Stores) -> None:
    post, event = posted(10)
    await stores.posts.add(post, event)
    queue = Queue.FEED_GENERATOR
    [delivery] = await stores.messages.due(queue, now_ms=0, limit=10)

    await stores.messages.bury(delivery.sequence, reason="it is poison", now_ms=7)

    [letter] = await stores.messages.dead_letters(limit=10)
    assert (letter.event, letter.reason, letter.buried_at_ms) == (event, "it is poison", 7)
    assert await stores.messages.dead_letters(after=letter.sequence, limit=10) == []
    backlog = await stores.messages.backlog(queue)
    assert (backlog.events, backlog.dead_letters) == (0, 1)
    assert await stores.messages.replay([letter.sequence]) == 1
    assert await events_in(stores, queue) == [event]
    assert await stores.messages.dead_letters(limit=10) == []

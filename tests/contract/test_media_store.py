"""What every adapter of the media store promises, with the posts that show media."""

from dataclasses import replace

import pytest

from server.errors import MediaGoneError
from server.model.events import Event, EventKind, Queue
from server.model.ids import first_id_at, on_shard
from server.model.media import Media, MediaState, Rendition
from server.model.records import Post
from server.ports.stores import Stores
from tests.fakes.clock import ManualClock

SIGNED_AT_MS = 1_700_000_000_000


def media(number: int = 1, *, owner_id: int = 7) -> Media:
    media_id = on_shard(first_id_at(SIGNED_AT_MS + number), 3)
    return Media(media_id, f"u/{owner_id}/name{number}.jpg", owner_id, "image/jpeg", 1_000)


def uploaded(what: Media) -> Event:
    return Event(EventKind.UPLOADED, what.owner_id, what.media_id)


def post_of(what: Media, post_id: int = 10) -> tuple[Post, Event]:
    post = Post(post_id, what.owner_id, media_url=what.path)
    return post, Event(EventKind.POSTED, what.owner_id, post_id)


async def orphans(stores: Stores, *, since_before_ms: int) -> list[Media]:
    return list(await stores.media.orphans(since_before_ms=since_before_ms, limit=10))


async def test_media_is_found_by_id_and_by_key(stores: Stores) -> None:
    one, other = media(1), media(2)
    for each in (one, other, one):
        await stores.media.add(each)

    assert await stores.media.get(one.media_id) == one
    assert await stores.media.get(5) is None
    assert await stores.media.get_many([one.key, other.key, "u/7/x.jpg"]) == {
        one.key: one,
        other.key: other,
    }


async def test_media_is_completed_once_with_one_event(stores: Stores) -> None:
    what = media()
    await stores.media.add(what)

    first = await stores.media.complete(what.media_id, width=40, height=30, event=uploaded(what))
    again = await stores.media.complete(what.media_id, width=1, height=1, event=uploaded(what))

    assert first == again == replace(what, state=MediaState.STORED, width=40, height=30)
    due = await stores.messages.due(Queue.MEDIA_PROCESSOR, now_ms=2**62, limit=10)
    assert [delivery.event for delivery in due] == [uploaded(what)]


async def test_what_nobody_signed_for_is_not_completed(stores: Stores) -> None:
    what = media()

    found = await stores.media.complete(
        what.media_id, width=None, height=None, event=uploaded(what)
    )

    assert found is None
    assert (await stores.messages.backlog(Queue.MEDIA_PROCESSOR)).events == 0


async def test_media_keeps_what_was_made_of_it(stores: Stores) -> None:
    what = media()
    await stores.media.add(what)
    ready = replace(
        what,
        state=MediaState.READY,
        width=4,
        height=3,
        renditions=(Rendition("r/name1/320.webp", "image/webp", 320, 240, 900),),
        poster_key="r/name1/poster.jpg",
        playlist_key="r/name1/all.m3u8",
    )
    failed = replace(ready, state=MediaState.FAILED, renditions=(), failure="it is no picture")

    assert await stores.media.update(ready)
    assert await stores.media.get(what.media_id) == ready
    assert await stores.media.update(failed)
    assert await stores.media.get(what.media_id) == failed


async def test_media_without_a_post_is_removed_in_the_order_of_age(stores: Stores) -> None:
    old, older, young = media(2), media(1), media(500)
    for each in (old, older, young):
        await stores.media.add(each)

    for _ in range(2):
        removed = await orphans(stores, since_before_ms=SIGNED_AT_MS + 100)
        assert removed == [replace(each, state=MediaState.REMOVED) for each in (older, old)]
    await stores.media.forget([older.media_id, old.media_id])

    assert await orphans(stores, since_before_ms=SIGNED_AT_MS + 100) == []
    assert await stores.media.get(old.media_id) is None


async def test_media_that_is_removed_cannot_be_posted_nor_changed(stores: Stores) -> None:
    what = media()
    await stores.media.add(what)
    await orphans(stores, since_before_ms=SIGNED_AT_MS + 100)

    with pytest.raises(MediaGoneError):
        await stores.posts.add(*post_of(what))

    assert await stores.posts.get_many([10]) == {}
    assert (await stores.messages.backlog(Queue.FEED_GENERATOR)).events == 0
    assert not await stores.media.update(replace(what, state=MediaState.READY))


async def test_media_is_kept_while_a_post_shows_it_and_removed_with_the_last(
    stores: Stores, clock: ManualClock
) -> None:
    what = media()
    await stores.media.add(what)
    for post_id in (10, 11):
        await stores.posts.add(*post_of(what, post_id))
    clock.ms = SIGNED_AT_MS + 1_000

    assert sorted(await stores.posts.showing(what.path)) == [10, 11]
    await stores.posts.delete(10)
    assert await stores.posts.showing(what.path) == [11]
    assert await orphans(stores, since_before_ms=SIGNED_AT_MS + 9_000) == []
    assert (await stores.messages.backlog(Queue.UPLOAD_SIGNER)).events == 0
    await stores.posts.delete(11)

    removed = replace(what, state=MediaState.REMOVED)
    assert await stores.media.get(what.media_id) == removed
    [told] = await stores.messages.due(Queue.UPLOAD_SIGNER, now_ms=2**62, limit=10)
    assert told.event == Event(EventKind.WITHDRAWN, what.owner_id, what.media_id)
    with pytest.raises(MediaGoneError):
        await stores.posts.add(*post_of(what, 12))
    # Also without that event, the next sweep finds it.
    assert await orphans(stores, since_before_ms=1) == [removed]


async def test_media_of_elsewhere_is_nobodys(stores: Stores) -> None:
    post = Post(10, 7, media_url="https://cdn.example/a.jpg")

    await stores.posts.add(post, Event(EventKind.POSTED, 7, 10))

    assert (await stores.posts.get_many([10]))[10] == post
    assert await stores.posts.delete(10)

"""What every adapter of the stores promises."""

import asyncio
from collections.abc import Mapping

import pytest

from server.errors import NameTakenError
from server.model.events import Event, EventKind, Queue
from server.model.feeds import Backfill, FanOut, Feed, packed
from server.model.ids import LARGEST_ID
from server.model.pages import PageRequest
from server.model.records import (
    Comment,
    Counts,
    Edge,
    EdgeAdding,
    FeedEntry,
    Followee,
    FollowersChunk,
    Like,
    Notification,
    NotificationKind,
    Pair,
    Post,
    PostEdit,
    Token,
    User,
)
from server.ports.stores import Stores
from tests.contract.rows import ALL, TOKEN, add_edge, events_in, posted


async def test_a_name_belongs_to_one_user(stores: Stores) -> None:
    await stores.users.add(User(1, "ada"), password_hash=None, token=TOKEN)

    for user_id in (1, 2):
        with pytest.raises(NameTakenError):
            await stores.users.add(User(user_id, "ada"), password_hash=None, token=TOKEN)
    assert await stores.users.get_many([1, 2]) == {1: User(1, "ada")}


async def test_a_token_is_found_until_it_is_revoked_or_purged(stores: Stores) -> None:
    await stores.users.add(User(1, "ada"), password_hash=None, token=TOKEN)
    other = Token(b"other", user_id=1, expires_at_ms=2_000)
    await stores.users.add_token(other)

    assert await stores.users.token(b"digest") == TOKEN
    await stores.users.purge_tokens(expired_before_ms=1_500)
    assert await stores.users.token(b"digest") is None
    assert await stores.users.token(b"other") == other
    await stores.users.revoke_token(b"other")
    assert await stores.users.token(b"other") is None


async def test_a_post_and_its_event_come_once_however_often_they_are_added(
    stores: Stores,
) -> None:
    post, event = posted(10)
    for _ in range(2):
        await stores.posts.add(post, event)

    assert await stores.posts.get_many([10, 11]) == {10: post}
    assert await events_in(stores, Queue.FEED_GENERATOR) == [event]


async def test_a_deleted_post_is_nowhere_and_cannot_be_edited(stores: Stores) -> None:
    post, event = posted(10)
    await stores.posts.add(post, event)

    assert await stores.posts.delete(10)
    assert not await stores.posts.delete(10)
    assert await stores.posts.edit(10, PostEdit(text="late")) is None
    assert await stores.posts.get_many([10]) == {}
    assert await stores.posts.entries_by([1], ALL) == []


async def test_an_edit_changes_what_it_names(stores: Stores) -> None:
    post, event = posted(10)
    await stores.posts.add(post, event)

    await stores.posts.edit(10, PostEdit(hashtags=("new",)))
    edited = await stores.posts.edit(10, PostEdit(text="new"))

    assert edited == Post(10, 1, text="new", hashtags=("new",))
    assert await stores.posts.get_many([10]) == {10: edited}


async def test_entries_are_the_newest_of_all_authors_between_two_ids(stores: Stores) -> None:
    for post_id, author_id in [(10, 1), (20, 2), (30, 1), (40, 2), (50, 3)]:
        await stores.posts.add(*posted(post_id, author_id))

    entries = await stores.posts.entries_by([1, 2], PageRequest(40, 2), above=10)

    assert entries == [FeedEntry(30, 1), FeedEntry(20, 2)]


async def test_entries_are_the_newest_of_more_authors_than_are_asked_for(stores: Stores) -> None:
    for post_id, author_id in [(10, 1), (20, 2), (30, 3), (40, 4), (50, 5), (60, 2), (70, 1)]:
        await stores.posts.add(*posted(post_id, author_id))
    await stores.posts.delete(50)

    entries = await stores.posts.entries_by(range(1, 7), PageRequest(70, 3), above=10)

    assert entries == [FeedEntry(60, 2), FeedEntry(40, 4), FeedEntry(30, 3)]


@pytest.mark.parametrize("limit", [2, 10])
async def test_entries_of_an_author_are_bounded_apart(stores: Stores, limit: int) -> None:
    for post_id, author_id in [(10, 1), (20, 2), (30, 1), (40, 2), (50, 3)]:
        await stores.posts.add(*posted(post_id, author_id))
    page = PageRequest(50, limit)

    entries = await stores.posts.entries_by([1, 2, 3], page, above=10, below={1: 30, 2: 40, 3: 90})

    assert entries == [FeedEntry(20, 2)]


async def test_the_newest_of_each_author_are_above_a_floor_of_their_own(stores: Stores) -> None:
    for post_id, author_id in [(10, 1), (20, 2), (30, 1), (40, 2), (50, 1), (60, 1)]:
        await stores.posts.add(*posted(post_id, author_id))
    await stores.posts.delete(60)

    newest = await stores.posts.newest_by({1: 0, 2: 20, 3: 0}, limit=2)

    assert newest == {1: [50, 30], 2: [40], 3: []}


async def test_an_edge_stands_once_with_one_event(stores: Stores) -> None:
    assert await add_edge(stores, 1, 2, 100) is EdgeAdding.DONE
    assert await add_edge(stores, 1, 2, 101) is EdgeAdding.STOOD

    assert await stores.follows.standing([Pair(1, 2), Pair(2, 1)]) == {Pair(1, 2)}
    assert await stores.follows.followees(1) == [Followee(2, is_settled=False, is_pulled=False)]
    assert len(await events_in(stores, Queue.FEED_GENERATOR)) == 1


async def test_edges_that_are_added_at_once_stay_within_the_bound(stores: Stores) -> None:
    await stores.users.add(User(1, "ada"), password_hash=None, token=TOKEN)
    await add_edge(stores, 1, 2, 100, most=3)

    added = await asyncio.gather(
        *(add_edge(stores, 1, user, 100 + user, most=3) for user in range(2, 7))
    )

    assert added == [EdgeAdding.STOOD, *[EdgeAdding.DONE] * 2, *[EdgeAdding.REFUSED] * 2]
    assert [each.user_id for each in await stores.follows.followees(1)] == [2, 3, 4]
    assert (await stores.users.get_many([1]))[1].followees == 3
    assert len(await events_in(stores, Queue.FEED_GENERATOR)) == 3


async def test_an_edge_that_is_made_again_is_not_settled(stores: Stores) -> None:
    unfollowed = Event(EventKind.UNFOLLOWED, 1, 2)
    await add_edge(stores, 1, 2, 100)
    await stores.follows.settle([Pair(1, 2), Pair(1, 3)])
    await stores.follows.mark_pulled(2)
    assert await stores.follows.followees(1) == [Followee(2, is_settled=True, is_pulled=True)]

    assert await stores.follows.remove(1, 2, unfollowed)
    assert not await stores.follows.remove(1, 2, unfollowed)
    await add_edge(stores, 1, 2, 101)

    assert await stores.follows.followees(1) == [Followee(2, is_settled=False, is_pulled=True)]


async def test_an_audience_is_known_by_name_up_to_a_size(stores: Stores) -> None:
    for user_id in (8, 9):
        token = Token(b"%d" % user_id, user_id, expires_at_ms=1_000)
        await stores.users.add(User(user_id, str(user_id)), password_hash=None, token=token)
    for follower_id, followee_id in [(1, 9), (2, 9), (3, 9), (1, 8)]:
        await add_edge(stores, follower_id, followee_id, 100 + follower_id)

    audiences = await stores.follows.audiences([7, 8, 9], most=2)

    assert audiences == {7: (0, []), 8: (1, [1]), 9: (3, [])}
    assert (await stores.follows.audiences([9], most=3))[9] == (3, [1, 2, 3])


async def test_followers_come_in_chunks_and_pages(stores: Stores) -> None:
    for follower_id in (1, 2, 3):
        await add_edge(stores, follower_id, 9, 100 + follower_id)

    chunk = await stores.follows.followers_after(9, edge_id=101, limit=1)
    latest = await stores.follows.followers_page(9, PageRequest(103, 5))

    assert chunk == FollowersChunk([2], last_edge_id=102)
    assert await stores.follows.followers_after(9, edge_id=103, limit=1) == ([], 103)
    assert [edge.follower_id for edge in latest] == [2, 1]
    assert await stores.follows.followees_page(1, ALL) == [Edge(101, 1, 9)]


async def test_only_feeds_that_exist_are_pushed_to(stores: Stores) -> None:
    await stores.feeds.create(1, floor=10, now_ms=0)
    await stores.feeds.push([FanOut(FeedEntry(11, 7), [1, 2])])
    await stores.feeds.push([FanOut(FeedEntry(13, 7), [1])])
    again = FeedEntry(12, 8), FeedEntry(13, 7), FeedEntry(9, 7)
    await stores.feeds.push([FanOut(entry, [1]) for entry in again])

    feed = await stores.feeds.get(1)

    assert feed
    assert feed.floor == 10
    assert feed.entries == (FeedEntry(13, 7), FeedEntry(12, 8), FeedEntry(11, 7))
    assert await stores.feeds.get(2) is None


async def test_a_feed_keeps_its_newest_entries_and_raises_its_floor(stores: Stores) -> None:
    await stores.feeds.create(1, floor=20, now_ms=0)
    await stores.feeds.merge(1, [FeedEntry(n, 7) for n in range(11, 21)], floor=10)
    for number in range(21, 120):
        await stores.feeds.push([FanOut(FeedEntry(number, 7), [1])])

    feed = await stores.feeds.get(1)

    assert feed
    assert [entry.post_id for entry in feed.entries] == [119, 118, 117, 116, 115]
    assert feed.floor == 114


async def test_a_backfill_never_lowers_a_floor_and_raises_it_to_where_it_starts(
    stores: Stores,
) -> None:
    await stores.feeds.create(1, floor=20, now_ms=0)
    await stores.feeds.push([FanOut(FeedEntry(number, 7), [1]) for number in (21, 30)])

    await stores.feeds.backfill([Backfill(Pair(1, 8), [25, 15])])
    feed = await stores.feeds.get(1)
    assert feed == Feed(20, packed([FeedEntry(30, 7), FeedEntry(25, 8), FeedEntry(21, 7)]))
    await stores.feeds.backfill([Backfill(Pair(1, 9), [36, 35, 34, 33, 32, 31])])

    feed = await stores.feeds.get(1)
    assert feed == Feed(31, packed(FeedEntry(number, 9) for number in range(36, 31, -1)))


async def test_backfills_come_together_into_the_feeds_that_exist(stores: Stores) -> None:
    for user_id, floor in ((1, 10), (2, 20)):
        await stores.feeds.create(user_id, floor=floor, now_ms=0)
    assert await stores.feeds.floors([1, 2, 3]) == {1: 10, 2: 20}

    pairs = [Pair(1, 7), Pair(2, 7), Pair(1, 8), Pair(3, 7)]
    await stores.feeds.backfill([Backfill(pair, [22, pair.followee_id + 8]) for pair in pairs[:2]])
    await stores.feeds.backfill([Backfill(pair, [16]) for pair in pairs[2:]])

    expected = [FeedEntry(22, 7), FeedEntry(16, 8), FeedEntry(15, 7)]
    assert await stores.feeds.get(1) == Feed(10, packed(expected))
    assert await stores.feeds.get(2) == Feed(20, packed([FeedEntry(22, 7)]))
    assert await stores.feeds.get(3) is None


async def test_authors_are_taken_out_of_the_feeds_named_and_no_others(stores: Stores) -> None:
    for user_id in (1, 2):
        await stores.feeds.create(user_id, floor=0, now_ms=0)
        older = [FeedEntry(4, 9), FeedEntry(3, 8), FeedEntry(2, 7)]
        await stores.feeds.merge(user_id, older, floor=0)
    await stores.feeds.push([FanOut(FeedEntry(11, 7), [1, 2]), FanOut(FeedEntry(12, 8), [1, 2])])

    await stores.feeds.remove_authors([Pair(1, 7), Pair(2, 8), Pair(1, 9), Pair(3, 8)])

    first, second = [await stores.feeds.get(user_id) for user_id in (1, 2)]
    assert first == Feed(0, packed([FeedEntry(12, 8), FeedEntry(3, 8)]))
    assert second == Feed(0, packed([FeedEntry(11, 7), FeedEntry(4, 9), FeedEntry(2, 7)]))


async def test_feeds_that_nobody_reads_are_dropped(stores: Stores) -> None:
    await stores.feeds.create(1, floor=0, now_ms=100)
    await stores.feeds.create(2, floor=0, now_ms=100)
    await stores.feeds.touch(2, now_ms=200)

    assert await stores.feeds.drop(read_before_ms=150) == 1
    assert await stores.feeds.get(1) is None
    assert await stores.feeds.get(2) is not None


async def test_another_design_starts_without_feeds(stores: Stores) -> None:
    assert await stores.feeds.design() is None
    await stores.feeds.create(1, floor=0, now_ms=0)
    await stores.feeds.push([FanOut(FeedEntry(11, 7), [1])])

    await stores.feeds.reset("push")

    assert await stores.feeds.design() == "push"
    assert await stores.feeds.get(1) is None
    await stores.feeds.create(1, floor=0, now_ms=0)
    assert await stores.feeds.get(1) == Feed(0)


async def test_whom_a_design_pulls_from_can_be_forgotten(stores: Stores) -> None:
    await add_edge(stores, 1, 2, 100)
    await stores.follows.mark_pulled(2)

    await stores.follows.forget_pulled()

    assert await stores.follows.followees(1) == [Followee(2, is_settled=False, is_pulled=False)]


async def test_likes_and_comments_are_counted_with_their_writes(stores: Stores) -> None:
    told: dict[int, Counts] = {}

    def note(counts: Mapping[int, Counts]) -> None:
        told.update(counts)

    stores.counters.subscribe(note)
    like = Like(100, post_id=10, user_id=1)
    comment = Comment(200, post_id=10, author_id=1, text="yes")

    assert await stores.likes.add(like, Event(EventKind.LIKED, 1, 10)) == like
    assert await stores.likes.add(Like(101, post_id=10, user_id=1), None) == like
    for _ in range(2):
        await stores.comments.add(comment, Event(EventKind.COMMENTED, 1, 10, 200))
    expected = {10: Counts(likes=1, comments=1)}
    assert await stores.counters.get_many([10]) == told == expected
    assert len(await events_in(stores, Queue.NOTIFICATION_SERVICE)) == 2

    assert await stores.likes.remove(10, 1)
    assert not await stores.likes.remove(10, 1)
    assert await stores.counters.get_many([10, 11]) == {10: Counts(comments=1), 11: Counts()}
    assert await stores.counters.reconcile(above=0, limit=10) == [10]
    assert told == {10: Counts(comments=1)}


async def test_likes_and_comments_of_a_post_come_newest_first(stores: Stores) -> None:
    likes = [Like(100 + user, post_id=10, user_id=user) for user in (1, 2, 3)]
    comments = [Comment(200 + n, post_id=10, author_id=1, text=str(n)) for n in (1, 2, 3)]
    for like, comment in zip(likes, comments, strict=True):
        await stores.likes.add(like, None)
        await stores.comments.add(comment, None)

    assert await stores.likes.of_post(10, PageRequest(103, 5)) == [likes[1], likes[0]]
    assert await stores.comments.of_post(10, PageRequest(LARGEST_ID, 2)) == comments[:0:-1]
    assert await stores.comments.get(201) == comments[0]


async def test_a_source_notifies_once(stores: Stores) -> None:
    first = Notification(300, 1, NotificationKind.LIKE, actor_id=2, post_id=10)
    again = Notification(301, 1, NotificationKind.LIKE, actor_id=2, post_id=10)
    other = Notification(302, 1, NotificationKind.COMMENT, 2, post_id=10, comment_id=200)
    await stores.notifications.add([first, again])
    await stores.notifications.add([again, other])

    assert await stores.notifications.of_user(1, ALL) == [other, first]
    assert await stores.notifications.after(1, 300, limit=5) == [other]
    await stores.notifications.mark_read(1, up_to=301)
    assert [n.is_read for n in await stores.notifications.of_user(1, ALL)] == [False, True]

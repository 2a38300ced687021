"""The boxes against a small oracle: whatever happens in whatever order, feeds are what they
should be, page by page, and so are counts and notifications."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scenarios.fanout import Fanout
from server.adapters.metrics import Metrics
from server.adapters.sqlite.stores import Databases, last_id_in, open_databases, sqlite_stores
from server.model.events import Event, EventKind, Queue
from server.model.ids import LARGEST_ID, IdGenerator
from server.model.pages import PageRequest
from server.model.records import PostEdit
from server.services.boxes import Boxes, build_boxes
from server.services.comment_service import NewComment
from server.services.feed_generator import FeedSettings
from server.services.post_cache import ShownPost
from server.services.post_writer import PostContent
from tests.fakes.clock import ManualClock
from tests.unit.server.small_world import surroundings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

USERS = 3
MAX_ENTRIES = 4
EIGHT_DAYS_MS = 8 * 86_400_000

people = st.integers(min_value=0, max_value=USERS - 1)
limits = st.integers(min_value=1, max_value=4)
designs = st.sampled_from(Fanout)


class FeedMachine(RuleBasedStateMachine):
    """Drives the boxes on SQLite; remembers in plain sets what should be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.clock = ManualClock()
        self.users: list[int] = []
        self.follows: set[tuple[int, int]] = set()
        self.posts: dict[int, int] = {}
        self.texts: dict[int, str] = {}
        self.fresh: set[int] = set()
        self.likes: set[tuple[int, int]] = set()
        self.comments: dict[int, list[int]] = {}
        self.commenters: dict[int, int] = {}
        self.notified: dict[int, set[str]] = {}
        self.reading: tuple[int, int] | None = None
        self.delivered: list[Event] = []
        self.databases: Databases
        self.boxes: Boxes

    @initialize(design=designs, count=st.sampled_from([0, 1, MAX_ENTRIES + 1]))
    def start(self, design: Fanout, count: int) -> None:
        """Start with feeds that hold all there is, or longer ones than what is kept of them."""
        self.runner.run(self._open(design))
        for number in range(USERS):
            ids = self.boxes.surroundings.ids
            issued = self.runner.run(
                self.boxes.accounts.sign_up(f"user {number}", None, fresh_id=ids.new())
            )
            self.users.append(issued.user_id)
        for number in range(USERS):
            self.post(author=number, count=count)
            self.follow(follower=number, followee=(number + 1) % USERS)
        # The last user has two followers: above the threshold of the hybrid design.
        self.follow(follower=0, followee=USERS - 1)
        self.runner.run(self._drain())
        for number in range(USERS):
            self.rebuild(user=number)

    async def _open(self, design: Fanout) -> None:
        metrics = Metrics()
        self.databases = await open_databases(
            Path(self.folder.name), clock=self.clock, telemetry=metrics
        )
        ids = IdGenerator(self.clock.now_ms, last_id=await last_id_in(self.databases))
        self.databases.main.last_id = lambda: ids.last_id
        stores = sqlite_stores(self.databases, max_entries=MAX_ENTRIES)
        feeds = FeedSettings(fanout=design, push_threshold=1, max_entries=MAX_ENTRIES)
        around = surroundings(self.clock, ids, metrics, folder=Path(self.folder.name))
        self.boxes = build_boxes(stores, around, feeds=feeds, token_lifetime_s=60)
        await self.boxes.feed_generator.start()

    async def _close(self) -> None:
        await self.boxes.stop()
        await self.databases.close()

    def teardown(self) -> None:
        self.runner.run(self._close())
        self.runner.close()
        self.folder.cleanup()

    # What users do.

    @rule(follower=people, followee=people)
    def follow(self, follower: int, followee: int) -> None:
        if follower == followee:
            return
        edge = self.users[follower], self.users[followee]
        is_new = self.runner.run(self.boxes.follow_service.follow(*edge))

        assert is_new == (edge not in self.follows)
        self.follows.add(edge)

    @rule(follower=people, followee=people)
    def unfollow(self, follower: int, followee: int) -> None:
        edge = self.users[follower], self.users[followee]
        self.runner.run(self.boxes.follow_service.unfollow(*edge))
        self.follows.discard(edge)

    @rule(author=people, count=st.integers(min_value=1, max_value=7))
    def post(self, author: int, count: int) -> None:
        for number in range(count):
            self.runner.run(self._create(self.users[author], f"text {number}"))

    async def _create(self, author_id: int, text: str) -> None:
        self.clock.ms += 1
        fresh_id = self.boxes.surroundings.ids.new()
        content = PostContent(text=text)
        shown = await self.boxes.post_writer.create(author_id, content, fresh_id=fresh_id)
        post = shown.post
        self.posts[post.post_id] = post.author_id
        self.texts[post.post_id] = text
        self.fresh.add(post.post_id)

    @precondition(lambda self: self.posts)
    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        post_id = data.draw(st.sampled_from(sorted(self.posts)))
        changes = PostEdit(text="edited")
        self.runner.run(self.boxes.post_writer.edit(post_id, changes, editor_id=None))
        self.texts[post_id] = "edited"

    @precondition(lambda self: self.posts)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        post_id = data.draw(st.sampled_from(sorted(self.posts)))
        self.runner.run(self._drain())  # or its notifications may be lost, which is allowed
        self.runner.run(self.boxes.post_writer.delete(post_id, editor_id=None))
        del self.posts[post_id]

    @precondition(lambda self: self.posts)
    @rule(user=people, data=st.data())
    def like(self, user: int, data: st.DataObject) -> None:
        post_id = data.draw(st.sampled_from(sorted(self.posts)))
        edge = self.users[user], post_id
        _, is_new = self.runner.run(self.boxes.like_service.like(*edge))

        assert is_new == (edge not in self.likes)
        self.likes.add(edge)
        self._expect_notification(post_id, f"like:{post_id}:{edge[0]}", actor=edge[0])

    @precondition(lambda self: self.likes)
    @rule(data=st.data())
    def unlike(self, data: st.DataObject) -> None:
        edge = data.draw(st.sampled_from(sorted(self.likes)))
        self.runner.run(self.boxes.like_service.unlike(*edge))
        self.likes.discard(edge)

    @precondition(lambda self: self.posts)
    @rule(user=people, data=st.data())
    def comment(self, user: int, data: st.DataObject) -> None:
        post_id = data.draw(st.sampled_from(sorted(self.posts)))
        parents = st.sampled_from([None, *self.comments.get(post_id, [])])
        new = NewComment(self.users[user], post_id, "well said", data.draw(parents))
        fresh_id = self.boxes.surroundings.ids.new()
        comment = self.runner.run(self.boxes.comment_service.create(new, fresh_id=fresh_id))
        self.comments.setdefault(post_id, []).append(comment.comment_id)
        self.commenters[comment.comment_id] = new.author_id
        about = f"{post_id}:{comment.comment_id}"
        answered = self.commenters[new.parent_id] if new.parent_id else None
        if answered not in {None, new.author_id}:
            self.notified.setdefault(answered, set()).add(f"reply:{about}")
        if answered != self.posts[post_id]:
            self._expect_notification(post_id, f"comment:{about}", actor=new.author_id)

    def _expect_notification(self, post_id: int, source: str, *, actor: int) -> None:
        owner = self.posts[post_id]
        if owner != actor:
            self.notified.setdefault(owner, set()).add(source)

    # What happens to the system.

    @rule()
    def drain(self) -> None:
        self.runner.run(self._drain())

    @rule()
    def lose_the_caches(self) -> None:
        self.boxes.feed_cache.clear()
        self.boxes.likes_cache.clear()
        self.boxes.post_cache.clear()

    @rule()
    def everybody_is_away(self) -> None:
        self.clock.ms += EIGHT_DAYS_MS
        self.runner.run(self.boxes.feed_generator.drop_feeds_of_the_away())

    @rule()
    def the_clock_steps_back(self) -> None:
        self.clock.ms -= 5_000

    @rule(design=designs)
    def restart(self, design: Fanout) -> None:
        self.runner.run(self._close())
        self.runner.run(self._open(design))

    @rule(user=people)
    def rebuild(self, user: int) -> None:
        self.runner.run(self.boxes.feed_generator.rebuild(self.users[user]))

    @precondition(lambda self: self.delivered)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        """An event that failed at first comes after those that were behind it."""
        event = data.draw(st.sampled_from(self.delivered))
        consumers = {
            Queue.FEED_GENERATOR: self.boxes.feed_generator.consume,
            Queue.NOTIFICATION_SERVICE: self.boxes.notification_service.consume,
        }
        self.runner.run(consumers[event.queue]([event]))

    @rule(follower=people, followee=people)
    def a_late_unfollow(self, follower: int, followee: int) -> None:
        """An unfollow that failed at first, and comes after the follow that took it back."""
        if follower == followee:
            return
        self.unfollow(follower, followee)
        self.follow(follower, followee)
        self.runner.run(self._drain())
        late = Event(EventKind.UNFOLLOWED, self.users[follower], self.users[followee])
        self.runner.run(self.boxes.feed_generator.consume([late]))

    async def _drain(self) -> None:
        for queue in (Queue.FEED_GENERATOR, Queue.NOTIFICATION_SERVICE):
            due = await self.boxes.stores.messages.due(queue, now_ms=LARGEST_ID, limit=1000)
            self.delivered += [delivery.event for delivery in due]
        await self.boxes.drain()
        self.fresh.clear()

    # What is seen.

    @invariant()
    def only_the_newest_posts_may_be_missing(self) -> None:
        """What anybody reads at once, whatever has just happened and before the queue is drained.

        These reads also build feeds in the background, between the steps that follow.
        """
        for user_id in self.users:
            seen = self._read(user_id, limit=3)

            expected = self._feed_of(user_id)
            assert seen == [p for p in expected if p in seen or p not in self.fresh]

    @rule(user=people, limit=limits)
    def read(self, user: int, limit: int) -> None:
        self.runner.run(self._drain())

        assert self._read(self.users[user], limit=limit) == self._feed_of(self.users[user])

    @rule(user=people, limit=limits)
    def start_reading(self, user: int, limit: int) -> None:
        self.runner.run(self._drain())
        reader = self.boxes.feed_reader.read(self.users[user], PageRequest(LARGEST_ID, limit))
        page = self.runner.run(reader)
        before = page.next_before
        self.reading = None if before is None else (self.users[user], before)

    @precondition(lambda self: self.reading)
    @rule(limit=limits)
    def read_on(self, limit: int) -> None:
        """Whatever has happened since the cursor was given, all below it is there."""
        assert self.reading
        self.runner.run(self._drain())
        user_id, before = self.reading

        rest = self._read(user_id, limit=limit, before=before)

        assert rest == [post_id for post_id in self._feed_of(user_id) if post_id < before]

    @rule(user=people)
    def look_at_notifications(self, user: int) -> None:
        self.runner.run(self._drain())
        service = self.boxes.notification_service
        page = self.runner.run(service.of_user(self.users[user], PageRequest(LARGEST_ID, 1000)))

        ids = [notification.notification_id for notification in page.items]
        assert ids == sorted(ids, reverse=True)
        sources = [notification.source for notification in page.items]
        assert len(sources) == len(set(sources))
        assert set(sources) == self.notified.get(self.users[user], set())

    def _feed_of(self, user_id: int) -> list[int]:
        followees = {followee for follower, followee in self.follows if follower == user_id}
        mine = (post_id for post_id, author in self.posts.items() if author in followees)
        return sorted(mine, reverse=True)

    def _read(self, user_id: int, *, limit: int, before: int = LARGEST_ID) -> list[int]:
        seen: list[int] = []
        rest: int | None = before
        while rest is not None:
            reader = self.boxes.feed_reader.read(user_id, PageRequest(rest, limit))
            page = self.runner.run(reader)
            assert len(page.items) == limit or page.next_before is None
            for shown in page.items:
                self._check(shown)
            seen += [shown.post_id for shown in page.items]
            rest = page.next_before
        return seen

    def _check(self, shown: ShownPost) -> None:
        likes = sum(post_id == shown.post_id for _, post_id in self.likes)
        assert shown.counts.likes == likes
        assert shown.counts.comments == len(self.comments.get(shown.post_id, []))
        assert shown.post.text == self.texts[shown.post_id]


TestFeeds = FeedMachine.TestCase
TestFeeds.settings = settings(
    max_examples=100, stateful_step_count=40, suppress_health_check=list(HealthCheck)
)

"""The stores of the design: users, posts, media, the graph, feeds, comments, likes, notifications.

Whatever takes a row and its event takes both in one call, so that an adapter can make one
confirmation of the two. A call that returns has its effect on disk, if the adapter has one. Writes
may be repeated: the second changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from server.model.events import Event
from server.model.feeds import Backfill, FanOut, Feed
from server.model.media import Media
from server.model.pages import PageRequest
from server.model.records import (
    Audience,
    Comment,
    Counts,
    Credentials,
    Edge,
    EdgeAdding,
    FeedEntry,
    Followee,
    FollowersChunk,
    Like,
    Notification,
    Pair,
    Post,
    PostEdit,
    Token,
    User,
)
from server.ports.idempotency import IdempotencyKeys
from server.ports.queue import MessageQueue


class Users(Protocol):
    """Users db: users by id and by name, their passwords and their tokens."""

    async def add(self, user: User, *, password_hash: str | None, token: Token) -> None:
        """Add a user with a first token.

        Raises:
            NameTakenError: if a user has the name.
        """
        ...

    async def get_many(self, user_ids: Iterable[int]) -> Mapping[int, User]:
        """Return those of the users that exist, by id."""
        ...

    async def credentials(self, name: str) -> Credentials | None:
        """Return what the password of the user of that name is checked against."""
        ...

    async def add_token(self, token: Token) -> None:
        """Keep one more token."""
        ...

    async def token(self, digest: bytes) -> Token | None:
        """Return the token with that digest, also when it has expired."""
        ...

    async def revoke_token(self, digest: bytes) -> None:
        """Forget a token."""
        ...

    async def purge_tokens(self, *, expired_before_ms: int) -> None:
        """Forget the tokens that expired before a time."""
        ...


# No author's posts are bounded more than others'.
NO_BOUNDS: Mapping[int, int] = MappingProxyType({})


class Posts(Protocol):
    """Posts db: posts by id, and by author newest first."""

    async def add(self, post: Post, event: Event) -> None:
        """Add a post and its event; its media, if it has some, is kept as long as the post is.

        Raises:
            MediaGoneError: if there is no such media, or it is being removed.
        """
        ...

    async def edit(self, post_id: int, edit: PostEdit) -> Post | None:
        """Change what an edit names; returns the post, None if there is none or it was deleted."""
        ...

    async def delete(self, post_id: int) -> bool:
        """Leave a tombstone in place of a post; whether there was a post.

        Its media is removed from now on, unless another post shows it, and its event tells so.
        """
        ...

    async def get_many(self, post_ids: Iterable[int]) -> Mapping[int, Post]:
        """Return those of the posts that exist and are not deleted, by id."""
        ...

    async def entries_by(
        self,
        author_ids: Iterable[int],
        page: PageRequest,
        *,
        above: int = 0,
        below: Mapping[int, int] = NO_BOUNDS,
    ) -> Sequence[FeedEntry]:
        """Return the authors' posts with ids above `above`, newest first, as feed entries.

        Of an author in `below` only those with ids below that.
        """
        ...

    async def newest_by(
        self, floors: Mapping[int, int], *, limit: int
    ) -> Mapping[int, Sequence[int]]:
        """Return the ids of each author's newest posts above a floor of their own, newest first."""
        ...

    async def showing(self, media_url: str) -> Sequence[int]:
        """Return the posts that show media and are not deleted."""
        ...


class Counters(Protocol):
    """Likes and comments of posts, kept with the writes and never counted at reading."""

    async def get_many(self, post_ids: Iterable[int]) -> Mapping[int, Counts]:
        """Return the counts of posts; zeros for a post that has none."""
        ...

    async def reconcile(self, *, above: int, limit: int) -> Sequence[int]:
        """Set the counts of the next `limit` posts to what the edges say; the posts looked at."""
        ...

    def subscribe(self, listener: Callable[[Mapping[int, Counts]], None]) -> None:
        """Tell a listener the new counts after every write, in the order of the writes."""
        ...


class Follows(Protocol):
    """Follow db: the graph, from both sides."""

    async def add(self, edge: Edge, event: Event, *, most_followees: int) -> EdgeAdding:
        """Add an edge and its event, unless its follower follows as many as one may."""
        ...

    async def remove(self, follower_id: int, followee_id: int, event: Event) -> bool:
        """Remove an edge and add its event; False, and nothing changed, if there was none."""
        ...

    async def standing(self, pairs: Iterable[Pair]) -> AbstractSet[Pair]:
        """Return those of the pairs whose edges stand."""
        ...

    async def followees(self, follower_id: int) -> Sequence[Followee]:
        """Return all whom a user follows."""
        ...

    async def audiences(self, followee_ids: Iterable[int], *, most: int) -> Mapping[int, Audience]:
        """Return users' followers; of one who has more than `most`, only how many."""
        ...

    async def followers_after(
        self, followee_id: int, *, edge_id: int, limit: int
    ) -> FollowersChunk:
        """Return the oldest followers of a user above an edge's id: a chunk of the fan-out."""
        ...

    async def followers_page(self, followee_id: int, page: PageRequest) -> Sequence[Edge]:
        """Return the latest edges to a user, by edge id."""
        ...

    async def followees_page(self, follower_id: int, page: PageRequest) -> Sequence[Edge]:
        """Return the latest edges from a user, by edge id."""
        ...

    async def settle(self, pairs: Iterable[Pair]) -> None:
        """Note that the followees' posts are in the followers' feeds, where the edges stand."""
        ...

    async def mark_pulled(self, author_id: int) -> None:
        """Note that an author's posts are pulled from now on."""
        ...

    async def forget_pulled(self) -> None:
        """Forget whose posts are pulled; for a design that pulls others, or nobody."""
        ...


class Feeds(Protocol):
    """Feeds db: user -> feed. Only feeds that exist are pushed to; a missing one is rebuilt."""

    async def get(self, user_id: int) -> Feed | None:
        """Return a user's feed, or None if it has to be built."""
        ...

    async def floors(self, user_ids: Iterable[int]) -> Mapping[int, int]:
        """Return the floors of those of the users' feeds that exist, by user.

        A feed that `get` returns may have a higher one, until what raised it is taken out again.
        """
        ...

    async def create(self, user_id: int, *, floor: int, now_ms: int) -> None:
        """Make an empty feed that is pushed to from now on, unless there is a feed.

        Its floor is above every id made: it is complete above, and nothing older is in it yet.
        """
        ...

    async def push(self, fan_outs: Sequence[FanOut]) -> None:
        """Add posts to those of their followers' feeds that exist."""
        ...

    async def merge(self, user_id: int, entries: Sequence[FeedEntry], *, floor: int) -> None:
        """Merge entries into a feed if it exists; see `Feed.merged`."""
        ...

    async def backfill(self, backfills: Sequence[Backfill]) -> None:
        """Add posts of new followees to those of their followers' feeds that exist.

        Each must hold all of the followee's posts above the feed's floor (`floors`), or more of the
        newest than a feed holds: then trimming raises the floor above those it does not hold.
        """
        ...

    async def remove_authors(self, pairs: Iterable[Pair]) -> None:
        """Take the posts of former followees out of their followers' feeds."""
        ...

    async def touch(self, user_id: int, *, now_ms: int) -> None:
        """Note that a feed was read."""
        ...

    async def drop(self, *, read_before_ms: int) -> int:
        """Drop the feeds of users who are away: not read since a time; how many."""
        ...

    async def design(self) -> str | None:
        """Return the design that the feeds were made by."""
        ...

    async def reset(self, design: str) -> None:
        """Drop all feeds: those that follow are made by this design."""
        ...


class Comments(Protocol):
    """Comments db: comments by id, and of a post newest first."""

    async def add(self, comment: Comment, event: Event | None) -> None:
        """Add a comment, count it and add its event."""
        ...

    async def get(self, comment_id: int) -> Comment | None:
        """Return a comment."""
        ...

    async def of_post(self, post_id: int, page: PageRequest) -> Sequence[Comment]:
        """Return a post's latest comments."""
        ...


class Likes(Protocol):
    """Likes db: one edge for a user and a post, and the likes of a post newest first."""

    async def add(self, like: Like, event: Event | None) -> Like:
        """Add a like, count it and add its event; returns the like that stands."""
        ...

    async def remove(self, post_id: int, user_id: int) -> bool:
        """Take a like back; whether there was one."""
        ...

    async def of_post(self, post_id: int, page: PageRequest) -> Sequence[Like]:
        """Return a post's latest likes."""
        ...


class Notifications(Protocol):
    """Notifications db: of a user, newest first."""

    async def add(
        self, notifications: Sequence[Notification], *, acknowledging: Sequence[int] = ()
    ) -> None:
        """Add notifications, but none whose source has one already.

        The events that they come from are acknowledged in the same commit (`MessageQueue`).
        """
        ...

    async def of_user(self, user_id: int, page: PageRequest) -> Sequence[Notification]:
        """Return a user's latest notifications."""
        ...

    async def after(
        self, user_id: int, notification_id: int, *, limit: int
    ) -> Sequence[Notification]:
        """Return a user's notifications above an id, oldest first."""
        ...

    async def mark_read(self, user_id: int, *, up_to: int) -> None:
        """Mark a user's notifications up to an id as read."""
        ...


class MediaStore(Protocol):
    """Media by id and by key. What no post has shown is an orphan, from when it was signed."""

    async def add(self, media: Media) -> None:
        """Add media that is about to be uploaded."""
        ...

    async def get(self, media_id: int) -> Media | None:
        """Return media by its id."""
        ...

    async def get_many(self, keys: Iterable[str]) -> Mapping[str, Media]:
        """Return those of the media that are known, by key."""
        ...

    async def complete(
        self, media_id: int, *, width: int | None, height: int | None, event: Event
    ) -> Media | None:
        """Note that media is stored, and add its event, once.

        Returns the media as it stands, also when it was complete before; None if it is unknown.
        """
        ...

    async def update(self, media: Media) -> bool:
        """Keep what became of media; False, and nothing changed, if it is removed meanwhile."""
        ...

    async def orphans(self, *, since_before_ms: int, limit: int) -> Sequence[Media]:
        """Return media that no post shows since a time, or any more; from now on none can.

        The same again until it is forgotten, so that whoever deletes it may die in between.
        """
        ...

    async def forget(self, media_ids: Iterable[int]) -> None:
        """Forget media that was removed."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """All stores of one server."""

    users: Users
    posts: Posts
    counters: Counters
    follows: Follows
    feeds: Feeds
    comments: Comments
    likes: Likes
    notifications: Notifications
    media: MediaStore
    messages: MessageQueue
    keys: IdempotencyKeys

"""The rows of the stores, as the design document's data model names them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from server.model.media import key_in


@dataclass(frozen=True, slots=True)
class User:
    """A user, with the length of both sides of the follow graph."""

    user_id: int
    name: str
    followers: int = 0
    followees: int = 0


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a password is checked against; no hash if the user has none."""

    user_id: int
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as it is stored: by the digest of its text only."""

    digest: bytes
    user_id: int
    expires_at_ms: int


class Post(NamedTuple):
    """A text post, or a media post with its description.

    `media_url` is the media's path on this server; posts from before there were uploads have a URL
    of elsewhere.
    """

    post_id: int
    author_id: int
    text: str | None = None
    media_url: str | None = None
    description: str | None = None
    hashtags: tuple[str, ...] = ()

    @property
    def media_key(self) -> str | None:
        """The key of its media in object storage."""
        return None if self.media_url is None else key_in(self.media_url)


@dataclass(frozen=True, slots=True)
class PostEdit:
    """What of a post changes: None stays as it is."""

    text: str | None = None
    description: str | None = None
    hashtags: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Likes and comments of a post."""

    likes: int = 0
    comments: int = 0


class FeedEntry(NamedTuple):
    """What a feed holds of a post: it refers to a post and is not one."""

    post_id: int
    author_id: int


@dataclass(frozen=True, slots=True)
class Edge:
    """One user following another; the id tells since when."""

    edge_id: int
    follower_id: int
    followee_id: int


class EdgeAdding(StrEnum):
    """What became of an edge that was to be added; it is refused past a bound."""

    DONE = "done"
    STOOD = "stood"
    REFUSED = "refused"


class Pair(NamedTuple):
    """Who follows whom, or did."""

    follower_id: int
    followee_id: int


class Followee(NamedTuple):
    """A followed user, as the feed reader needs to know them.

    Attributes:
        user_id: who is followed.
        is_settled: whether the backfill has put their posts into the follower's feed.
        is_pulled: whether their posts are read from the author, since they are not pushed.
    """

    user_id: int
    is_settled: bool
    is_pulled: bool


class Audience(NamedTuple):
    """A user's followers: how many, and who they are unless there are more than were asked for."""

    size: int
    follower_ids: Sequence[int]


class FollowersChunk(NamedTuple):
    """Some of a user's followers, and the id of the last one's edge, to go on from."""

    follower_ids: Sequence[int]
    last_edge_id: int


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a post, or a reply to a comment on the same post."""

    comment_id: int
    post_id: int
    author_id: int
    text: str
    parent_id: int | None = None


class Reaction(StrEnum):
    """Kinds of likes. More kinds are more members: the store keeps the name."""

    LIKE = "like"


@dataclass(frozen=True, slots=True)
class Like:
    """The edge between a user and a post they like."""

    like_id: int
    post_id: int
    user_id: int
    reaction: Reaction = Reaction.LIKE


class NotificationKind(StrEnum):
    """What a user is notified of."""

    LIKE = "like"
    COMMENT = "comment"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Notification:
    """What happened to a user's post, or to their comment on a post, and who did it."""

    notification_id: int
    user_id: int
    kind: NotificationKind
    actor_id: int
    post_id: int
    comment_id: int | None = None
    is_read: bool = False

    @property
    def source(self) -> str:
        """What it tells of, the same each time its event is delivered: one row for one source."""
        what = self.actor_id if self.comment_id is None else self.comment_id
        return f"{self.kind}:{self.post_id}:{what}"

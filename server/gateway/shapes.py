"""The documents that calls answer with, and how records become them."""

# pydantic reads these when it makes schemas; before Python 3.12 it needs this TypedDict.
from collections.abc import Mapping, Sequence
from typing import NotRequired

import orjson
from typing_extensions import TypedDict

from server.gateway.site import Site
from server.model.delivery import source_path
from server.model.ids import timestamp_of
from server.model.media import Media, media_path
from server.model.records import Comment, Edge, Like, Notification, User
from server.services.comment_service import ShownComment
from server.services.like_service import ShownLike
from server.services.post_cache import ShownPost


class NamedUser(TypedDict):
    """A user, as an author is shown."""

    userId: str
    name: str


class SignedUp(TypedDict):
    """A new user with their first token."""

    userId: str
    name: str
    token: str


class SignedIn(TypedDict):
    """A token, told this once."""

    userId: str
    token: str
    expiresAt: str


class UserShape(TypedDict):
    """A user."""

    userId: str
    name: str
    createdAt: str
    followerCount: int
    followeeCount: int


class MediaShape(TypedDict):
    """What a page needs to know of media before it loads it; no size while nobody knows.

    `state` is `stored`, `ready` with its renditions, or `failed` without, and then `failure` tells
    why. A video has a `source`: a URL of one file, whose parts fit together whenever they are asked
    for.
    """

    kind: str
    width: int | None
    height: int | None
    state: str
    failure: NotRequired[str]
    poster: NotRequired[str]
    playlist: NotRequired[str]
    source: NotRequired[str]


class PostShape(TypedDict):
    """A post: `text`, or `mediaUrl` with `media` and perhaps `description`."""

    postId: str
    userId: str
    text: NotRequired[str]
    mediaUrl: NotRequired[str]
    media: NotRequired[MediaShape]
    description: NotRequired[str]
    hashtags: list[str]
    createdAt: str
    likeCount: int
    commentCount: int


class FeedItem(PostShape):
    """A post with its author."""

    author: NamedUser


class UploadShape(TypedDict):
    """A request that puts the bytes where they belong, and the URL of the media from then on."""

    uploadUrl: str
    method: str
    headers: dict[str, str]
    mediaUrl: str
    expiresAt: str


class FollowShape(TypedDict):
    """Who follows whom."""

    followerId: str
    followeeId: str


class FollowUser(NamedUser):
    """A follower or followee, and since when."""

    followedAt: str


class CommentShape(TypedDict):
    """A comment; `parentCommentId` if it is a reply."""

    commentId: str
    postId: str
    userId: str
    comment: str
    parentCommentId: str | None
    createdAt: str


class CommentItem(CommentShape):
    """A comment with its author."""

    author: NamedUser


class LikeShape(TypedDict):
    """A like."""

    postId: str
    userId: str
    reaction: str
    createdAt: str


class LikeItem(LikeShape):
    """A like with who likes."""

    name: str


class NotificationShape(TypedDict):
    """What happened to one's post, or to one's comment on it.

    `kind` is `like`, `comment`, or `reply`, which answers one's comment; `commentId` is of what was
    written.
    """

    notificationId: str
    kind: str
    actorId: str
    postId: str
    commentId: str | None
    createdAt: str
    read: bool


class Health(TypedDict):
    """How the server is."""

    status: str


class ProblemShape(TypedDict):
    """What went wrong (RFC 9457); `errors` names the fields that are wrong."""

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list["FieldProblem"]]


class FieldProblem(TypedDict):
    """A field that is wrong, and how."""

    field: str
    message: str


def user_shape(user: User) -> UserShape:
    """Return a user as it is shown."""
    return {
        "userId": str(user.user_id),
        "name": user.name,
        "createdAt": timestamp_of(user.user_id),
        "followerCount": user.followers,
        "followeeCount": user.followees,
    }


class PostShapes:
    """How posts are shown to the client whose request has these headers."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def post(self, shown: ShownPost, headers: Mapping[str, str]) -> PostShape:
        """Return a post with its counts."""
        return _post_shape(shown, site_url=self._site.seen_by(headers))

    def feed_items(self, posts: Sequence[ShownPost], headers: Mapping[str, str]) -> Sequence[bytes]:
        """Return posts as items of a feed, each a `FeedItem` in JSON."""
        return [shown.presented or self._presented(shown, headers) for shown in posts]

    def are_for_everybody(self, posts: Sequence[ShownPost]) -> bool:
        """Whether other clients are shown the same, and not URLs of their own."""
        return not self._site.is_everywhere or all(shown.post.media_url is None for shown in posts)

    def path_in(self, media_url: str, headers: Mapping[str, str]) -> str:
        """Return the path on this site that a media URL leads to, and any other URL as it is."""
        return media_url.removeprefix(self._site.seen_by(headers))

    def _presented(self, shown: ShownPost, headers: Mapping[str, str]) -> bytes:
        author: NamedUser = {"userId": str(shown.author_id), "name": shown.author_name}
        item: FeedItem = {**self.post(shown, headers), "author": author}
        presented = orjson.dumps(item)
        if self.are_for_everybody([shown]):
            shown.keep_presented(presented)
        return presented


def _post_shape(shown: ShownPost, *, site_url: str) -> PostShape:
    post = shown.post
    shape: PostShape = {
        "postId": str(post.post_id),
        "userId": str(post.author_id),
        "hashtags": list(post.hashtags),
        "createdAt": timestamp_of(post.post_id),
        "likeCount": shown.counts.likes,
        "commentCount": shown.counts.comments,
    }
    if post.text is not None:
        shape["text"] = post.text
    if post.media_url is not None:
        # Posts from before there were uploads have media elsewhere.
        shape["mediaUrl"] = f"{site_url}{post.media_url}" if post.media_key else post.media_url
    if shown.media:
        shape["media"] = _media_shape(shown.media, site_url=site_url)
    if post.description is not None:
        shape["description"] = post.description
    return shape


def _media_shape(media: Media, *, site_url: str) -> MediaShape:
    shape: MediaShape = {
        "kind": media.kind,
        "width": media.width,
        "height": media.height,
        "state": media.state,
    }
    if media.failure_in_short:
        shape["failure"] = media.failure_in_short
    if media.poster_key:
        shape["poster"] = f"{site_url}{media_path(media.poster_key)}"
    if media.playlist_key:
        shape["playlist"] = f"{site_url}{media_path(media.playlist_key)}"
    if source := source_path(media):
        shape["source"] = f"{site_url}{source}"
    return shape


def follower_item(edge_and_name: tuple[Edge, str]) -> FollowUser:
    """Return who follows."""
    edge, name = edge_and_name
    return {
        "userId": str(edge.follower_id),
        "name": name,
        "followedAt": timestamp_of(edge.edge_id),
    }


def followee_item(edge_and_name: tuple[Edge, str]) -> FollowUser:
    """Return who is followed."""
    edge, name = edge_and_name
    return {
        "userId": str(edge.followee_id),
        "name": name,
        "followedAt": timestamp_of(edge.edge_id),
    }


def comment_shape(comment: Comment) -> CommentShape:
    """Return a comment as it is shown."""
    parent = comment.parent_id
    return {
        "commentId": str(comment.comment_id),
        "postId": str(comment.post_id),
        "userId": str(comment.author_id),
        "comment": comment.text,
        "parentCommentId": None if parent is None else str(parent),
        "createdAt": timestamp_of(comment.comment_id),
    }


def comment_item(shown: ShownComment) -> CommentItem:
    """Return a comment as an item of a list."""
    author: NamedUser = {"userId": str(shown.comment.author_id), "name": shown.author_name}
    return {**comment_shape(shown.comment), "author": author}


def like_shape(like: Like) -> LikeShape:
    """Return a like as it is shown."""
    return {
        "postId": str(like.post_id),
        "userId": str(like.user_id),
        "reaction": like.reaction,
        "createdAt": timestamp_of(like.like_id),
    }


def like_item(shown: ShownLike) -> LikeItem:
    """Return a like as an item of a list."""
    return {**like_shape(shown.like), "name": shown.user_name}


def notification_shape(notification: Notification) -> NotificationShape:
    """Return a notification as it is shown."""
    comment = notification.comment_id
    return {
        "notificationId": str(notification.notification_id),
        "kind": notification.kind,
        "actorId": str(notification.actor_id),
        "postId": str(notification.post_id),
        "commentId": None if comment is None else str(comment),
        "createdAt": timestamp_of(notification.notification_id),
        "read": notification.is_read,
    }

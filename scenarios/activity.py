"""What users do in a day, what their posts weigh, and who follows whom."""

from typing import Literal

from pydantic import model_validator

from scenarios.assumption import (
    Bytes,
    PerUserPerDay,
    PositiveBytes,
    PositiveNumber,
    PositiveSeconds,
    Share,
    Users,
)
from scenarios.errors import ImpossibleValueError
from scenarios.followers import FollowerDistribution, fitted_followers
from scenarios.quantities import format_share
from scenarios.section import Section

_SHARE_TOLERANCE = 1e-6
_NO_MEAN_BELOW = 2
"""At this exponent a power law has no mean any more."""
_NO_TAIL_ABOVE = 10
_LEAST_SPREAD = 3
"""A cut-off Lomax distribution has a mean below half of its cut-off; near that it is flat."""


class PostKind(Section):
    """One of text, image and video.

    Attributes:
        share: part of all posts.
        size: mean bytes of a post of this kind, media included.
    """

    share: Share
    size: Bytes


class Posts(Section):
    """The mix of posts; the three shares add up to one.

    Attributes:
        text: posts of nothing but text.
        image: posts with an image.
        video: posts with a video.
    """

    text: PostKind
    image: PostKind
    video: PostKind

    @model_validator(mode="after")
    def _adds_up(self) -> "Posts":
        total = self.text.share + self.image.share + self.video.share
        if abs(total - 1) > _SHARE_TOLERANCE:
            raise ImpossibleValueError(
                found=f"text, image and video shares that add up to {format_share(total)}",
                expected="100%",
            )
        return self

    @property
    def media_share(self) -> float:
        """Part of all posts that carry an image or a video."""
        return self.image.share + self.video.share


class Followers(Section):
    """How many followers the author of a post has: a power-law tail, cut off at `most`.

    Attributes:
        mean: mean followers of an author.
        tail_exponent: exponent of the density's tail, over 2 and up to 10 (2.27 at Twitter).
        most: followers of the most followed account, at least three times the mean.
    """

    mean: PositiveNumber
    tail_exponent: PositiveNumber
    most: Users

    @model_validator(mode="after")
    def _can_be(self) -> "Followers":
        if not _NO_MEAN_BELOW < self.tail_exponent <= _NO_TAIL_ABOVE:
            raise ImpossibleValueError(
                key="tail_exponent",
                found=str(self.tail_exponent),
                expected=f"more than {_NO_MEAN_BELOW}, at most {_NO_TAIL_ABOVE}",
            )
        if self.most < _LEAST_SPREAD * self.mean:
            raise ImpossibleValueError(
                key="most",
                found=str(self.most),
                expected=f"at least {_LEAST_SPREAD} times the mean, {self.mean}",
            )
        return self

    @property
    def distribution(self) -> FollowerDistribution:
        """The distribution that these three figures fix."""
        return fitted_followers(
            mean=float(self.mean), tail_exponent=float(self.tail_exponent), most=float(self.most)
        )


class Activity(Section):
    """What an active user does in a day.

    Attributes:
        posting_share: part of the daily users who create a post.
        posts_per_author: posts in a day of a user who posts.
        posts_read: posts read by a user in a day.
        posts_per_page: posts in one page of the feed.
        likes, comments, follows, unfollows: by a user in a day.
        sessions: visits of a user in a day.
        session_length: seconds a visit lasts.
        own_posts: part of likes and comments that are on one's own post, so notify nobody.
        posts: mix and sizes.
        followers: distribution of followers.
    """

    posting_share: Share
    posts_per_author: PositiveNumber
    posts_read: PerUserPerDay
    posts_per_page: PositiveNumber
    likes: PerUserPerDay
    comments: PerUserPerDay
    follows: PerUserPerDay
    unfollows: PerUserPerDay
    sessions: PerUserPerDay
    session_length: PositiveSeconds
    own_posts: Share
    posts: Posts
    followers: Followers


class Feed(Section):
    """How feeds are kept.

    Attributes:
        push_threshold: followers above which the hybrid design pulls an author's posts at read.
        push_to: `all` followers, or those `active` within `active_window` only.
        active_window: seconds without a visit after which a user counts as away.
        active_share: part of the monthly users who were active within `active_window`.
        max_entries: entries a feed holds before it is trimmed.
        entry_encoding: how the feed cache stores an entry.
        packed_entry, sorted_set_entry: bytes of an entry in each encoding.
    """

    push_threshold: Users
    push_to: Literal["all", "active"]
    active_window: PositiveSeconds
    active_share: Share
    max_entries: PositiveNumber
    entry_encoding: Literal["packed", "sorted_set"]
    packed_entry: PositiveBytes
    sorted_set_entry: PositiveBytes

    @property
    def entry_bytes(self) -> float:
        """Bytes of a feed entry in the encoding chosen."""
        return self.packed_entry if self.entry_encoding == "packed" else self.sorted_set_entry

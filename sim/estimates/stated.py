"""What the design document itself states, and the inputs that each of its figures rests on."""

from collections.abc import Mapping
from dataclasses import dataclass

from scenarios.assumption import Assumption

DAU = ("population.dau",)
_POSTS = (*DAU, "activity.posting_share", "activity.posts_per_author")
_READS = (*DAU, "activity.posts_read")
_MEAN_POST = tuple(
    f"activity.posts.{kind}.{figure}"
    for kind in ("text", "image", "video")
    for figure in ("share", "size")
)
_BYTES = (*_POSTS, *_MEAN_POST)

INPUTS: Mapping[str, float] = {
    "population.dau": 500e6,
    "population.mau": 2e9,
    "activity.posting_share": 0.1,
    "activity.posts_per_author": 1,
    "activity.posts_read": 100,
    "activity.likes": 3,
    "activity.comments": 3,
    "activity.posts.text.share": 0.2,
    "activity.posts.text.size": 100e3,
    "activity.posts.image.share": 0.6,
    "activity.posts.image.size": 0.5e6,
    "activity.posts.video.share": 0.2,
    "activity.posts.video.size": 20e6,
    "storage.retention": 10 * 365 * 86_400,
    "caches.daily_share": 0.01,
}
"""The document's own inputs; 3 likes and 3 comments are its 1.5 billion over 500 million users."""

_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Stated:
    """A figure as the design document states it, rounded as it is there."""

    value: float
    rests_on: tuple[str, ...]


STATED: Mapping[str, Stated] = {
    "dau": Stated(500e6, DAU),
    "mau": Stated(2e9, ("population.mau",)),
    "posts_per_day": Stated(50e6, _POSTS),
    "post_reads_per_day": Stated(50e9, _READS),
    "likes_per_day": Stated(1.5e9, (*DAU, "activity.likes")),
    "comments_per_day": Stated(1.5e9, (*DAU, "activity.comments")),
    "text_bytes_per_day": Stated(1e12, _BYTES),
    "image_bytes_per_day": Stated(15e12, _BYTES),
    "video_bytes_per_day": Stated(200e12, _BYTES),
    "post_bytes_per_day": Stated(216e12, _BYTES),
    "post_bytes_retained": Stated(750e15, (*_BYTES, "storage.retention")),
    "cache_bytes": Stated(2e12, (*_BYTES, "caches.daily_share")),
    "ingress_bytes_per_s": Stated(2.5e9, _BYTES),
    "mean_post_bytes": Stated(4.32e6, _MEAN_POST),
    "egress_bytes_per_day": Stated(216e15, (*_READS, *_MEAN_POST)),
    "egress_bytes_per_s": Stated(2.5e12, (*_READS, *_MEAN_POST)),
}


def stated_value(name: str, assumptions: Mapping[str, Assumption]) -> float | None:
    """Return the document's figure for an estimate, where its inputs are the document's too."""
    stated = STATED.get(name)
    if stated is None:
        return None
    same = all(
        key in assumptions and abs(assumptions[key] / INPUTS[key] - 1) < _SAME
        for key in stated.rests_on
    )
    return stated.value if same else None

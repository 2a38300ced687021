"""Posts as they are shown, in memory: kept up to date by the writes, and gone with a delete."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from server.model.media import Media
from server.model.records import Counts, Post
from server.ports.stores import Counters
from server.services.caches import LeasedCache

CAPACITY = 50_000


@dataclass(slots=True, eq=False)
class ShownPost:
    """A post with its counts, the name of its author, and its media.

    Another edit, count or state of the media makes another object: what is made of one may be kept
    with it.

    Attributes:
        presented: the post in JSON, as an item of a feed, once the gateway has made it: a post is
            in many feeds and is read more often than it changes.
    """

    post: Post
    counts: Counts
    author_name: str
    media: Media | None = None
    presented: bytes = field(default=b"", init=False)

    @property
    def post_id(self) -> int:
        """The post's id."""
        return self.post.post_id


class Gone(Enum):
    """In place of a post that was deleted, so that nobody asks the store again."""

    GONE = auto()


class PostCache:
    """What pages are made of, so that a warm page needs no trip to a store."""

    def __init__(self, counters: Counters) -> None:
        self._posts: LeasedCache[int, ShownPost | Gone] = LeasedCache(capacity=CAPACITY)
        self.get = self._posts.get
        self.get_many = self._posts.get_many
        self.lease = self._posts.lease
        counters.subscribe(self._recount)

    def fill(self, post_id: int, shown: ShownPost | None, *, lease: int) -> None:
        """Keep what was read under a lease, unless the post was written since."""
        self._posts.fill(post_id, shown or Gone.GONE, lease=lease)

    def drop(self, post_ids: Iterable[int]) -> None:
        """Forget posts that were just edited or deleted, or whose media changed."""
        self._posts.drop(post_ids)

    def clear(self) -> None:
        """Lose everything, as when the cache's machine dies."""
        self._posts.clear()

    def _recount(self, counts: Mapping[int, Counts]) -> None:
        for post_id, new in counts.items():
            shown = self._posts.get(post_id)
            if isinstance(shown, ShownPost):
                self._posts.put(post_id, replace(shown, counts=new))
            else:
                self._posts.drop([post_id])

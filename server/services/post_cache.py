"""Posts as they are shown, in memory: kept up to date by the writes, and gone with a delete."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from sys import getsizeof

from server.model.media import Media
from server.model.records import Counts, Post
from server.ports.stores import Counters
from server.services.caches import LeasedCache

CAPACITY = 50_000
BUDGET_BYTES = 256 * 2**20
# Of the objects around the texts of a post, and of its JSON around them.
_AROUND_BYTES = 1_300
# Of media, and of each of its renditions: a key, a type and five numbers.
_RENDITION_BYTES = 500
# Of a post's note of JSON that shows it.
_NOTE_BYTES = 100
# Notes of JSON that is true no more go when a post has so many, and twice as many as it needed.
_NOTES = 8


@dataclass(slots=True, eq=False)
class Presented:
    """JSON that shows posts; empty once it is true no more."""

    json: bytes


@dataclass(slots=True, eq=False)
class ShownPost:
    """A post with its counts, the name of its author, and its media.

    Of one that is in the cache, the counts change in place; another edit, or another state of the
    media, makes another object.

    Attributes:
        presented: the post in JSON, as an item of a feed, once the gateway has made it, until its
            counts change or it goes out of the cache: a post is in many feeds and is read more
            often than it changes.
        is_kept: whether it is in the post cache: if not, there may be a newer one.
        presented_at_most_bytes: how long its JSON is at most, to be kept.
        size_bytes: what it takes in memory at most, its JSON included.
        on_page_bytes: what it adds at most to a page that it stands on.
    """

    post: Post
    counts: Counts
    author_name: str
    media: Media | None = None
    presented: bytes = field(default=b"", init=False)
    is_kept: bool = field(default=False, init=False)
    # A list, not a set: a page that is made has twenty posts note it, a page that goes none.
    _shown_in: list[Presented] = field(default_factory=list, init=False)
    _most_notes: int = field(default=_NOTES, init=False)
    author_id: int = field(init=False)
    presented_at_most_bytes: int = field(init=False)
    size_bytes: int = field(init=False)
    on_page_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        """Take out of the post what every rule, and every page that is made, looks for."""
        post = self.post
        self.author_id = post.author_id
        texts = (post.text, post.description, post.media_url, *post.hashtags)
        texts_bytes = sum([getsizeof(text) for text in texts if text is not None])
        media_bytes = (1 + len(self.media.renditions)) * _RENDITION_BYTES if self.media else 0
        # UTF-8 takes up to twice what Python takes.
        self.presented_at_most_bytes = _AROUND_BYTES + 2 * texts_bytes
        self.size_bytes = _AROUND_BYTES + texts_bytes + media_bytes + self.presented_at_most_bytes
        self.on_page_bytes = self.size_bytes + self.presented_at_most_bytes + _NOTE_BYTES

    def keep_presented(self, presented: bytes) -> None:
        """Keep the post's JSON while the post is kept itself, since then it is told of changes.

        Not if it is far longer than its texts (escaped controls are).
        """
        if self.is_kept and len(presented) <= self.presented_at_most_bytes:
            # A copy: what a serializer returns may keep a buffer ten times as large.
            self.presented = bytes(memoryview(presented))

    def note_shown_in(self, presented: Presented) -> None:
        """Have JSON go when what it shows of the post is true no more."""
        notes = self._shown_in
        if len(notes) >= self._most_notes:
            notes[:] = [note for note in notes if note.json]
            self._most_notes = max(2 * len(notes), _NOTES)
        notes.append(presented)

    def change(self) -> None:
        """Let go of all JSON that shows the post, since it is true no more."""
        self.presented = b""
        if self._shown_in:
            for presented in self._shown_in:
                presented.json = b""
            self._shown_in.clear()
            self._most_notes = _NOTES

    @property
    def post_id(self) -> int:
        """The post's id."""
        return self.post.post_id


# In place of a post that was deleted, so that nobody asks the store again; nobody is its author.
GONE = ShownPost(Post(post_id=0, author_id=0), Counts(), author_name="")


class PostCache:
    """What pages are made of, so that a warm page needs no trip to a store."""

    def __init__(self, counters: Counters) -> None:
        self._posts: LeasedCache[int, ShownPost] = LeasedCache(
            capacity=CAPACITY,
            size_of=_size_bytes,
            budget_bytes=BUDGET_BYTES,
            on_keep=_note_kept,
            on_out=_note_out,
        )
        self.get = self._posts.get
        self.get_many = self._posts.get_many
        self.lease = self._posts.lease
        counters.subscribe(self._recount)

    @property
    def held_bytes(self) -> int:
        """What the posts take in memory at most, by estimate."""
        return self._posts.held_bytes

    def fill(self, post_id: int, shown: ShownPost | None, *, lease: int) -> None:
        """Keep what was read under a lease, unless the post was written since."""
        self._posts.fill(post_id, shown or GONE, lease=lease)

    def drop(self, post_ids: Iterable[int]) -> None:
        """Forget posts that were just edited or deleted, or whose media changed."""
        self._posts.drop(post_ids)

    def clear(self) -> None:
        """Lose everything, as when the cache's machine dies."""
        self._posts.clear()

    def _recount(self, counts: Mapping[int, Counts]) -> None:
        for post_id, new in counts.items():
            shown = self._posts.get(post_id)
            if shown is None or shown is GONE:
                self._posts.drop([post_id])
            else:
                shown.counts = new
                shown.change()
                self._posts.changed(post_id)


def _note_kept(shown: ShownPost) -> None:
    shown.is_kept = True


def _note_out(shown: ShownPost) -> None:
    shown.is_kept = False
    shown.change()


def _size_bytes(shown: ShownPost) -> int:
    return shown.size_bytes

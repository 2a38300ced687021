"""All stores in memory: the ports in their plainest form."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from server.adapters.memory.media import MemoryMedia
from server.adapters.memory.queue import Memory, MemoryIdempotencyKeys, MemoryQueue
from server.adapters.memory.reactions import MemoryComments, MemoryLikes, MemoryNotifications
from server.errors import NameTakenError
from server.model.events import Event
from server.model.feeds import Backfill, FanOut, Feed
from server.model.ids import LARGEST_ID
from server.model.pages import PageRequest
from server.model.records import (
    Audience,
    Counts,
    Credentials,
    Edge,
    EdgeAdding,
    FeedEntry,
    Followee,
    FollowersChunk,
    Pair,
    Post,
    PostEdit,
    Token,
    User,
)
from server.ports.clock import Clock
from server.ports.stores import NO_BOUNDS, Stores


class MemoryUsers:
    """Keeps the port `Users`."""

    def __init__(self, follows: "MemoryFollows") -> None:
        self._follows = follows
        self._users: dict[int, User] = {}
        self._credentials: dict[str, Credentials] = {}
        self._tokens: dict[bytes, Token] = {}

    async def add(self, user: User, *, password_hash: str | None, token: Token) -> None:
        """Add a user with a first token."""
        if user.name in self._credentials:
            raise NameTakenError(name=user.name)
        self._credentials[user.name] = Credentials(user.user_id, password_hash)
        self._users[user.user_id] = user
        await self.add_token(token)

    async def get_many(self, user_ids: Iterable[int]) -> Mapping[int, User]:
        """Return those of the users that exist, by id."""
        return {
            user_id: replace(
                self._users[user_id],
                followers=len(self._follows.to(user_id)),
                followees=len(self._follows.by(user_id)),
            )
            for user_id in user_ids
            if user_id in self._users
        }

    async def credentials(self, name: str) -> Credentials | None:
        """Return what the password of the user of that name is checked against."""
        return self._credentials.get(name)

    async def add_token(self, token: Token) -> None:
        """Keep one more token."""
        self._tokens[token.digest] = token

    async def token(self, digest: bytes) -> Token | None:
        """Return the token with that digest, also when it has expired."""
        return self._tokens.get(digest)

    async def revoke_token(self, digest: bytes) -> None:
        """Forget a token."""
        self._tokens.pop(digest, None)

    async def purge_tokens(self, *, expired_before_ms: int) -> None:
        """Forget the tokens that expired before a time."""
        for token in list(self._tokens.values()):
            if token.expires_at_ms < expired_before_ms:
                del self._tokens[token.digest]


class MemoryPosts:
    """Keeps the port `Posts`."""

    def __init__(self, memory: Memory, media: MemoryMedia) -> None:
        self._memory = memory
        self._media = media
        # None where a post was deleted.
        self._posts: dict[int, Post | None] = {}

    async def add(self, post: Post, event: Event) -> None:
        """Add a post and its event; its media is kept as long as the post is."""
        if post.post_id not in self._posts:
            if post.media_key:
                self._media.show(post.media_key)
            self._posts[post.post_id] = post
            self._memory.queue(event)

    async def edit(self, post_id: int, edit: PostEdit) -> Post | None:
        """Change what an edit names; returns the post, None if there is none or it was deleted."""
        found = self._posts.get(post_id)
        if found is None:
            return None
        edited = found._replace(
            text=found.text if edit.text is None else edit.text,
            description=found.description if edit.description is None else edit.description,
            hashtags=found.hashtags if edit.hashtags is None else edit.hashtags,
        )
        self._posts[post_id] = edited
        return edited

    async def delete(self, post_id: int) -> bool:
        """Leave a tombstone in place of a post; whether there was a post."""
        post = self._posts.get(post_id)
        if post is None:
            return False
        self._posts[post_id] = None
        if post.media_url and post.media_key and not await self.showing(post.media_url):
            self._media.orphan(post.media_key)
        return True

    async def get_many(self, post_ids: Iterable[int]) -> Mapping[int, Post]:
        """Return those of the posts that exist and are not deleted, by id."""
        found = {post_id: self._posts.get(post_id) for post_id in post_ids}
        return {post_id: post for post_id, post in found.items() if post is not None}

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
        authors = set(author_ids)
        entries = [
            FeedEntry(post.post_id, post.author_id)
            for post in self._posts.values()
            if post
            and post.author_id in authors
            and above < post.post_id < min(page.before, below.get(post.author_id, page.before))
        ]
        return sorted(entries, reverse=True)[: page.limit]

    async def newest_by(
        self, floors: Mapping[int, int], *, limit: int
    ) -> Mapping[int, Sequence[int]]:
        """Return the ids of each author's newest posts above a floor of their own, newest first."""
        newest = PageRequest(LARGEST_ID, limit)
        return {
            author_id: [
                entry.post_id for entry in await self.entries_by([author_id], newest, above=floor)
            ]
            for author_id, floor in floors.items()
        }

    async def showing(self, media_url: str) -> Sequence[int]:
        """Return the posts that show media and are not deleted."""
        return [p.post_id for p in self._posts.values() if p and p.media_url == media_url]


class MemoryCounters:
    """Keeps the port `Counters`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def get_many(self, post_ids: Iterable[int]) -> Mapping[int, Counts]:
        """Return the counts of posts; zeros for a post that has none."""
        return {post_id: self._memory.counts(post_id) for post_id in post_ids}

    async def reconcile(self, *, above: int, limit: int) -> Sequence[int]:
        """Return the next posts; counts in memory are never apart from what they count."""
        known = self._memory.likes.keys() | self._memory.comments.keys()
        return sorted(post_id for post_id in known if post_id > above)[:limit]

    def subscribe(self, listener: Callable[[Mapping[int, Counts]], None]) -> None:
        """Tell a listener the new counts after every write, in the order of the writes."""
        self._memory.listeners.append(listener)


class MemoryFollows:
    """Keeps the port `Follows`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._edges: dict[tuple[int, int], Edge] = {}
        self._settled: set[tuple[int, int]] = set()
        self._pulled: set[int] = set()

    def by(self, follower_id: int) -> Sequence[Edge]:
        """Return a user's edges to others, the oldest first."""
        edges = (edge for edge in self._edges.values() if edge.follower_id == follower_id)
        return sorted(edges, key=lambda edge: edge.edge_id)

    def to(self, followee_id: int) -> Sequence[Edge]:
        """Return the edges to a user, the oldest first."""
        edges = (edge for edge in self._edges.values() if edge.followee_id == followee_id)
        return sorted(edges, key=lambda edge: edge.edge_id)

    async def add(self, edge: Edge, event: Event, *, most_followees: int) -> EdgeAdding:
        """Add an edge and its event, unless its follower follows as many as one may."""
        key = edge.follower_id, edge.followee_id
        if key in self._edges:
            return EdgeAdding.STOOD
        if len(self.by(edge.follower_id)) >= most_followees:
            return EdgeAdding.REFUSED
        self._edges[key] = edge
        self._memory.queue(event)
        return EdgeAdding.DONE

    async def remove(self, follower_id: int, followee_id: int, event: Event) -> bool:
        """Remove an edge and add its event; False, and nothing changed, if there was none."""
        key = follower_id, followee_id
        if key not in self._edges:
            return False
        del self._edges[key]
        self._settled.discard(key)
        self._memory.queue(event)
        return True

    async def standing(self, pairs: Iterable[Pair]) -> AbstractSet[Pair]:
        """Return those of the pairs whose edges stand."""
        return {pair for pair in pairs if pair in self._edges}

    async def followees(self, follower_id: int) -> Sequence[Followee]:
        """Return all whom a user follows."""
        return [
            Followee(
                edge.followee_id,
                is_settled=(follower_id, edge.followee_id) in self._settled,
                is_pulled=edge.followee_id in self._pulled,
            )
            for edge in self.by(follower_id)
        ]

    async def audiences(self, followee_ids: Iterable[int], *, most: int) -> Mapping[int, Audience]:
        """Return users' followers; of one who has more than `most`, only how many."""
        followers = {
            followee_id: [edge.follower_id for edge in self.to(followee_id)]
            for followee_id in followee_ids
        }
        return {
            followee_id: Audience(len(ids), ids if len(ids) <= most else [])
            for followee_id, ids in followers.items()
        }

    async def followers_after(
        self, followee_id: int, *, edge_id: int, limit: int
    ) -> FollowersChunk:
        """Return the oldest followers of a user above an edge's id: a chunk of the fan-out."""
        edges = [edge for edge in self.to(followee_id) if edge.edge_id > edge_id][:limit]
        last = edges[-1].edge_id if edges else edge_id
        return FollowersChunk([edge.follower_id for edge in edges], last)

    async def followers_page(self, followee_id: int, page: PageRequest) -> Sequence[Edge]:
        """Return the latest edges to a user, by edge id."""
        return _page_of(self.to(followee_id), page)

    async def followees_page(self, follower_id: int, page: PageRequest) -> Sequence[Edge]:
        """Return the latest edges from a user, by edge id."""
        return _page_of(self.by(follower_id), page)

    async def settle(self, pairs: Iterable[Pair]) -> None:
        """Note that the followees' posts are in the followers' feeds, where the edges stand."""
        self._settled |= await self.standing(pairs)

    async def mark_pulled(self, author_id: int) -> None:
        """Note that an author's posts are pulled from now on."""
        self._pulled.add(author_id)

    async def forget_pulled(self) -> None:
        """Forget whose posts are pulled; for a design that pulls others, or nobody."""
        self._pulled.clear()


class MemoryFeeds:
    """Keeps the port `Feeds`, with at most `cap` entries a feed."""

    def __init__(self, *, cap: int) -> None:
        self._cap = cap
        self._feeds: dict[int, Feed] = {}
        self._read_at_ms: dict[int, int] = {}
        self._design: str | None = None

    async def get(self, user_id: int) -> Feed | None:
        """Return a user's feed, or None if it has to be built."""
        return self._feeds.get(user_id)

    async def floors(self, user_ids: Iterable[int]) -> Mapping[int, int]:
        """Return the floors of those of the users' feeds that exist, by user."""
        return {user: self._feeds[user].floor for user in user_ids if user in self._feeds}

    async def create(self, user_id: int, *, floor: int, now_ms: int) -> None:
        """Make an empty feed that is pushed to from now on, unless there is a feed."""
        if user_id not in self._feeds:
            self._feeds[user_id] = Feed(floor)
            self._read_at_ms[user_id] = now_ms

    async def push(self, fan_outs: Sequence[FanOut]) -> None:
        """Add posts to those of their followers' feeds that exist."""
        for fan_out in fan_outs:
            for user_id in self._feeds.keys() & fan_out.follower_ids:
                feed = self._feeds[user_id]
                self._feeds[user_id] = feed.with_new([fan_out.entry], cap=self._cap)

    async def merge(self, user_id: int, entries: Sequence[FeedEntry], *, floor: int) -> None:
        """Merge entries into a feed if it exists; see `Feed.merged`."""
        feed = self._feeds.get(user_id)
        if feed is not None:
            self._feeds[user_id] = feed.merged(entries, floor=floor, cap=self._cap)

    async def backfill(self, backfills: Sequence[Backfill]) -> None:
        """Add posts of new followees to those of their followers' feeds that exist."""
        for backfill in backfills:
            follower_id, followee_id = backfill.pair
            feed = self._feeds.get(follower_id)
            if feed is not None:
                entries = [FeedEntry(post_id, followee_id) for post_id in backfill.post_ids]
                self._feeds[follower_id] = feed.with_new(entries, cap=self._cap)

    async def remove_authors(self, pairs: Iterable[Pair]) -> None:
        """Take the posts of former followees out of their followers' feeds."""
        for follower_id, followee_id in pairs:
            feed = self._feeds.get(follower_id)
            if feed is not None:
                self._feeds[follower_id] = feed.without_authors([followee_id])

    async def touch(self, user_id: int, *, now_ms: int) -> None:
        """Note that a feed was read."""
        if user_id in self._feeds:
            self._read_at_ms[user_id] = now_ms

    async def drop(self, *, read_before_ms: int) -> int:
        """Drop the feeds of users who are away: not read since a time; how many."""
        away = [user_id for user_id, at_ms in self._read_at_ms.items() if at_ms < read_before_ms]
        for user_id in away:
            del self._feeds[user_id], self._read_at_ms[user_id]
        return len(away)

    async def design(self) -> str | None:
        """Return the design that the feeds were made by."""
        return self._design

    async def reset(self, design: str) -> None:
        """Drop all feeds: those that follow are made by this design."""
        self._feeds.clear()
        self._read_at_ms.clear()
        self._design = design


def memory_stores(clock: Clock, *, max_entries: int) -> Stores:
    """Return new, empty stores, with at most `max_entries` in a feed."""
    memory = Memory(clock)
    follows = MemoryFollows(memory)
    media = MemoryMedia(memory)
    return Stores(
        users=MemoryUsers(follows),
        posts=MemoryPosts(memory, media),
        counters=MemoryCounters(memory),
        follows=follows,
        feeds=MemoryFeeds(cap=max_entries),
        comments=MemoryComments(memory),
        likes=MemoryLikes(memory),
        notifications=MemoryNotifications(memory),
        media=media,
        messages=MemoryQueue(memory),
        keys=MemoryIdempotencyKeys(),
    )


def _page_of(edges: Sequence[Edge], page: PageRequest) -> Sequence[Edge]:
    below = [edge for edge in edges if edge.edge_id < page.before]
    return below[::-1][: page.limit]

"""Posts as they are shown: one at a time, an author's, or hydrated for a feed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from server.errors import NotFoundError
from server.model.pages import Page, PageRequest, first_page
from server.model.records import Counts, FeedEntry, Post
from server.ports.stores import Posts
from server.services.accounts import Accounts
from server.services.likes_cache import LikesCache


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A post with its counts and the name of its author."""

    post: Post
    counts: Counts
    author_name: str

    @property
    def post_id(self) -> int:
        """The post's id."""
        return self.post.post_id


class PostReader:
    """Reads posts, counts and authors in one batch each."""

    def __init__(self, *, posts: Posts, likes_cache: LikesCache, accounts: Accounts) -> None:
        self._posts = posts
        self._likes_cache = likes_cache
        self._accounts = accounts

    async def get(self, post_id: int) -> ShownPost:
        """Return a post.

        Raises:
            NotFoundError: if there is none, or it was deleted.
        """
        posts = await self._posts.get_many([post_id])
        if post_id not in posts:
            raise NotFoundError(kind="post", found=post_id)
        return (await self.hydrated([FeedEntry(post_id, posts[post_id].author_id)]))[0]

    async def of_author(self, author_id: int, page: PageRequest) -> Page[ShownPost]:
        """Return an author's posts, newest first.

        Raises:
            NotFoundError: if there is no such user.
        """
        await self._accounts.expect(author_id)
        entries = await self._posts.entries_by([author_id], page.and_one_more)
        cut = first_page(entries, limit=page.limit, id_of=lambda entry: entry.post_id)
        return Page(await self.hydrated(cut.items), cut.next_before)

    async def hydrated(self, entries: Sequence[FeedEntry]) -> Sequence[ShownPost]:
        """Return the posts of feed entries, without those that were deleted."""
        posts, counts, names = await asyncio.gather(
            self._posts.get_many(entry.post_id for entry in entries),
            self._likes_cache.counts(entry.post_id for entry in entries),
            self._accounts.names(entry.author_id for entry in entries),
        )
        return [
            ShownPost(posts[post_id], counts[post_id], names[author_id])
            for post_id, author_id in entries
            if post_id in posts
        ]

"""Posts as they are shown: one at a time, an author's, or hydrated for a feed."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from server.errors import NotFoundError
from server.model.media import Media
from server.model.pages import Page, PageRequest, first_page
from server.model.records import FeedEntry, Post
from server.ports.stores import MediaStore, Posts
from server.services.accounts import Accounts
from server.services.likes_cache import LikesCache
from server.services.post_cache import PostCache, ShownPost


class PostReader:
    """Reads posts, counts and authors in one batch each."""

    def __init__(
        self,
        *,
        posts: Posts,
        media: MediaStore,
        post_cache: PostCache,
        likes_cache: LikesCache,
        accounts: Accounts,
    ) -> None:
        self._posts = posts
        self._media = media
        self._post_cache = post_cache
        self._likes_cache = likes_cache
        self._accounts = accounts

    async def get(self, post_id: int) -> ShownPost:
        """Return a post.

        Raises:
            NotFoundError: if there is none, or it was deleted.
        """
        shown = self._post_cache.get(post_id)
        if shown is None:
            posts = await self._posts.get_many([post_id])
            entries = [FeedEntry(post_id, post.author_id) for post in posts.values()]
            shown = (await self._read(entries)).get(post_id)
        if not isinstance(shown, ShownPost):
            raise NotFoundError(kind="post", found=post_id)
        return shown

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
        find = self._post_cache.get
        found = [find(entry.post_id) for entry in entries]
        if None in found:
            missing = [e for e, shown in zip(entries, found, strict=True) if shown is None]
            read = await self._read(missing)
            found = [
                read.get(entry.post_id) if shown is None else shown
                for entry, shown in zip(entries, found, strict=True)
            ]
        return [shown for shown in found if isinstance(shown, ShownPost)]

    async def _read(self, entries: Sequence[FeedEntry]) -> Mapping[int, ShownPost]:
        lease = self._post_cache.lease()
        posts, counts, names = await asyncio.gather(
            self._posts.get_many(entry.post_id for entry in entries),
            self._likes_cache.counts(entry.post_id for entry in entries),
            self._accounts.names(entry.author_id for entry in entries),
        )
        media = await self._media_of(posts.values())
        shown = {
            post_id: ShownPost(
                posts[post_id], counts[post_id], names[author_id], media.get(post_id)
            )
            for post_id, author_id in entries
            if post_id in posts
        }
        for post_id, _ in entries:
            self._post_cache.fill(post_id, shown.get(post_id), lease=lease)
        return shown

    async def _media_of(self, posts: Iterable[Post]) -> Mapping[int, Media]:
        """Return the media of those of the posts that have some, by post."""
        keys = {post.post_id: post.media_key for post in posts if post.media_key}
        if not keys:
            return {}
        media = await self._media.get_many(set(keys.values()))
        return {post_id: media[key] for post_id, key in keys.items() if key in media}

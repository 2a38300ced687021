"""Posts as they are shown: one at a time, an author's, or hydrated for a feed."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from server.errors import NotFoundError
from server.model.media import Media
from server.model.pages import Page, PageRequest, first_page
from server.model.records import Post
from server.ports.stores import MediaStore, Posts
from server.services.accounts import Accounts
from server.services.likes_cache import LikesCache
from server.services.post_cache import GONE, PostCache, ShownPost


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
            shown = (await self._read([post_id])).get(post_id)
        if shown is None or shown is GONE:
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
        hydrated = await self.hydrated([entry.post_id for entry in cut.items])
        return Page([shown for shown in hydrated if shown is not GONE], cut.next_before)

    async def hydrated(self, post_ids: Sequence[int]) -> Sequence[ShownPost]:
        """Return posts in the order of their ids; `GONE` for one that was deleted."""
        found = self._post_cache.get_many(post_ids)
        if None not in found:
            return cast("list[ShownPost]", found)
        read = await self._read([i for i, shown in zip(post_ids, found, strict=True) if not shown])
        return [shown or read.get(i, GONE) for i, shown in zip(post_ids, found, strict=True)]

    def at_hand(self, post_ids: Sequence[int]) -> Sequence[ShownPost] | None:
        """Return the same if all of them are in memory."""
        found = self._post_cache.get_many(post_ids)
        return None if None in found else cast("list[ShownPost]", found)

    async def _read(self, post_ids: Sequence[int]) -> Mapping[int, ShownPost]:
        lease = self._post_cache.lease()
        posts, counts = await asyncio.gather(
            self._posts.get_many(post_ids), self._likes_cache.counts(post_ids)
        )
        names, media = await asyncio.gather(
            self._accounts.names(post.author_id for post in posts.values()),
            self._media_of(posts.values()),
        )
        shown = {
            post_id: ShownPost(
                post, counts[post_id], names[post.author_id], media=media.get(post_id)
            )
            for post_id, post in posts.items()
        }
        for post_id in post_ids:
            self._post_cache.fill(post_id, shown.get(post_id), lease=lease)
        return shown

    async def _media_of(self, posts: Iterable[Post]) -> Mapping[int, Media]:
        """Return the media of those of the posts that have some, by post."""
        keys = {post.post_id: post.media_key for post in posts if post.media_key}
        if not keys:
            return {}
        media = await self._media.get_many(set(keys.values()))
        return {post_id: media[key] for post_id, key in keys.items() if key in media}

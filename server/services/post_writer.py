"""The post writer: creates, edits and deletes posts."""

from typing import NamedTuple

from server.errors import InvalidFieldError, MediaGoneError, NotFoundError, NotOwnerError
from server.model.events import Event, EventKind
from server.model.ids import on_shard, shard_of
from server.model.records import Counts, Post, PostEdit
from server.ports.stores import Posts
from server.services.accounts import Accounts
from server.services.post_cache import PostCache, ShownPost
from server.services.upload_signer import UploadSigner

_NO_COUNTS = Counts()


class PostContent(NamedTuple):
    """What an author writes: a text, or the URL of media with a description."""

    text: str | None = None
    media_url: str | None = None
    description: str | None = None
    hashtags: tuple[str, ...] = ()


class PostWriter:
    """Steps 3 to 5 of the flow "create a text post", and 7 to 9 of "create a media post"."""

    def __init__(
        self,
        *,
        posts: Posts,
        post_cache: PostCache,
        accounts: Accounts,
        upload_signer: UploadSigner,
    ) -> None:
        self._upload_signer = upload_signer
        self._posts = posts
        self._post_cache = post_cache
        self._accounts = accounts

    async def create(self, author_id: int, content: PostContent, *, fresh_id: int) -> ShownPost:
        """Save a post, with an id just made, and the event that fans it out in one commit.

        Raises:
            NotFoundError: if there is no such author.
            InvalidFieldError: if its media is not the author's, or not complete.
        """
        author_name = await self._accounts.name(author_id)
        post_id = on_shard(fresh_id, shard_of(author_id))
        media = None
        if content.media_url is not None:
            media = await self._upload_signer.claim(content.media_url, user_id=author_id)
        post = Post(
            post_id,
            author_id,
            text=content.text,
            media_url=media.path if media else None,
            description=content.description,
            hashtags=content.hashtags,
        )
        try:
            await self._posts.add(post, Event(EventKind.POSTED, author_id, post_id))
        except MediaGoneError as error:
            raise InvalidFieldError(field="mediaUrl", reason="it is removed") from error
        return ShownPost(post, _NO_COUNTS, author_name, media=media)

    async def edit(self, post_id: int, edit: PostEdit, *, editor_id: int | None) -> Post:
        """Change a post's text, description or hashtags; its place in feeds stays.

        `editor_id` None edits anybody's.

        Raises:
            NotFoundError, NotOwnerError: if there is no such post, or it is somebody else's.
            InvalidFieldError: if the change does not fit the kind of post.
        """
        # Neither author nor kind of a post ever changes: what is read here holds at the edit.
        post = await self._own(post_id, editor_id)
        if post.media_url is None and edit.description is not None:
            raise InvalidFieldError(field="description", reason="a text post has none")
        if post.media_url is not None and edit.text is not None:
            raise InvalidFieldError(field="text", reason="a media post has none")
        edited = await self._posts.edit(post_id, edit)
        if edited is None:
            raise NotFoundError(kind="post", found=post_id)
        self._post_cache.drop([post_id])
        return edited

    async def delete(self, post_id: int, *, editor_id: int | None) -> None:
        """Leave a tombstone: the post is gone from every feed at its next read.

        Raises:
            NotFoundError, NotOwnerError: if there is no such post, or it is somebody else's.
        """
        await self._own(post_id, editor_id)
        if not await self._posts.delete(post_id):
            raise NotFoundError(kind="post", found=post_id)
        self._post_cache.drop([post_id])

    async def _own(self, post_id: int, editor_id: int | None) -> Post:
        posts = await self._posts.get_many([post_id])
        if post_id not in posts:
            raise NotFoundError(kind="post", found=post_id)
        post = posts[post_id]
        if editor_id not in {None, post.author_id}:
            raise NotOwnerError(what=f"post {post_id}")
        return post

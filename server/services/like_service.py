"""The like service: one like of a user for a post, and back."""

from dataclasses import dataclass

from server.model.events import Event, EventKind
from server.model.ids import IdGenerator, shard_of
from server.model.pages import Page, PageRequest, first_page
from server.model.records import Like
from server.ports.stores import Likes
from server.services.accounts import Accounts
from server.services.post_reader import PostReader


@dataclass(frozen=True, slots=True)
class ShownLike:
    """A like and the name of who likes."""

    like: Like
    user_name: str


class LikeService:
    """Steps 3 to 5 of the flow "like a post"; the likes cache is told with the commit."""

    def __init__(
        self, *, likes: Likes, post_reader: PostReader, accounts: Accounts, ids: IdGenerator
    ) -> None:
        self._likes = likes
        self._post_reader = post_reader
        self._accounts = accounts
        self._ids = ids

    async def like(self, user_id: int, post_id: int) -> tuple[Like, bool]:
        """Make the user like the post; returns the like that stands, and whether it is new.

        Raises:
            NotFoundError: if there is no such user or post.
        """
        await self._accounts.expect(user_id)
        owner_id = (await self._post_reader.get(post_id)).post.author_id
        like = Like(self._ids.new(shard=shard_of(post_id)), post_id, user_id)
        event = Event(EventKind.LIKED, user_id, post_id) if user_id != owner_id else None
        standing = await self._likes.add(like, event)
        return standing, standing == like

    async def unlike(self, user_id: int, post_id: int) -> None:
        """Take the like back, if there is one."""
        await self._likes.remove(post_id, user_id)

    async def of_post(self, post_id: int, page: PageRequest) -> Page[ShownLike]:
        """Return who likes a post, the latest first.

        Raises:
            NotFoundError: if there is no such post.
        """
        await self._post_reader.get(post_id)
        likes = await self._likes.of_post(post_id, page.and_one_more)
        names = await self._accounts.names(like.user_id for like in likes)
        shown = [ShownLike(like, names[like.user_id]) for like in likes]
        return first_page(shown, limit=page.limit, id_of=lambda item: item.like.like_id)

"""The comment service: comments on posts, and replies to comments."""

from dataclasses import dataclass

from server.errors import InvalidFieldError, NotFoundError
from server.model.events import Event, EventKind
from server.model.ids import on_shard, shard_of
from server.model.pages import Page, PageRequest, first_page
from server.model.records import Comment
from server.ports.stores import Comments
from server.services.accounts import Accounts
from server.services.post_reader import PostReader


@dataclass(frozen=True, slots=True)
class NewComment:
    """What somebody writes, and under what."""

    author_id: int
    post_id: int
    text: str
    parent_id: int | None = None


@dataclass(frozen=True, slots=True)
class ShownComment:
    """A comment and the name of its author."""

    comment: Comment
    author_name: str


class CommentService:
    """Steps 3 to 5 of the flow "comment on a post"."""

    def __init__(self, *, comments: Comments, post_reader: PostReader, accounts: Accounts) -> None:
        self._comments = comments
        self._post_reader = post_reader
        self._accounts = accounts

    async def create(self, new: NewComment, *, fresh_id: int) -> Comment:
        """Save a comment, with an id just made, and the event that notifies those it answers.

        Raises:
            NotFoundError: if there is no such user, post or parent.
            InvalidFieldError: if the parent is a comment on another post.
        """
        await self._accounts.expect(new.author_id)
        owner_id = (await self._post_reader.get(new.post_id)).post.author_id
        answered = {owner_id}
        if new.parent_id is not None:
            parent = await self._parent(new.parent_id, post_id=new.post_id)
            answered.add(parent.author_id)
        comment_id = on_shard(fresh_id, shard_of(new.post_id))
        comment = Comment(comment_id, new.post_id, new.author_id, new.text, parent_id=new.parent_id)
        event = None
        if answered != {new.author_id}:
            kind = EventKind.COMMENTED if new.parent_id is None else EventKind.REPLIED
            event = Event(kind, new.author_id, new.post_id, comment_id)
        await self._comments.add(comment, event)
        return comment

    async def of_post(self, post_id: int, page: PageRequest) -> Page[ShownComment]:
        """Return a post's comments, newest first.

        Raises:
            NotFoundError: if there is no such post.
        """
        await self._post_reader.get(post_id)
        comments = await self._comments.of_post(post_id, page.and_one_more)
        names = await self._accounts.names(comment.author_id for comment in comments)
        shown = [ShownComment(comment, names[comment.author_id]) for comment in comments]
        return first_page(shown, limit=page.limit, id_of=lambda item: item.comment.comment_id)

    async def _parent(self, parent_id: int, *, post_id: int) -> Comment:
        parent = await self._comments.get(parent_id)
        if parent is None:
            raise NotFoundError(kind="comment", found=parent_id)
        if parent.post_id != post_id:
            raise InvalidFieldError(
                field="parentCommentId", reason=f"comment {parent_id} is on another post"
            )
        return parent

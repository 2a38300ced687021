"""Calls about posts and feeds."""

from collections.abc import Sequence

from server.gateway.bodies import NewPost, PostChanges
from server.gateway.calls import Answer, Call, Incoming
from server.gateway.shapes import FeedItem, PostShape, PostShapes
from server.services.feed_reader import FeedReader
from server.services.page_cache import FeedPage
from server.services.post_reader import PostReader
from server.services.post_writer import PostContent, PostWriter

_POST = "/v1/posts/{postId}"


class PostCalls:
    """Create, read, edit and delete posts; read feeds."""

    def __init__(
        self, writer: PostWriter, reader: PostReader, feeds: FeedReader, shapes: PostShapes
    ) -> None:
        self._shapes = shapes
        self._writer = writer
        self._reader = reader
        self._feeds = feeds

    def calls(self) -> Sequence[Call]:
        """Return these calls."""
        return [
            Call(
                "POST",
                "/v1/posts",
                "post_writer",
                self._create,
                "Create a text or media post",
                answers={201: PostShape},
                body=NewPost,
                refuses=(403, 404),
                queues_events=True,
            ),
            Call(
                "GET",
                _POST,
                "feed_reader",
                self._get,
                "A post",
                answers={200: PostShape},
                refuses=(404,),
            ),
            Call(
                "PATCH",
                _POST,
                "post_writer",
                self._edit,
                "Edit a post; its place in feeds stays",
                answers={200: PostShape},
                body=PostChanges,
                refuses=(403, 404),
            ),
            Call(
                "DELETE",
                _POST,
                "post_writer",
                self._delete,
                "Delete a post",
                answers={204: None},
                refuses=(403, 404),
            ),
            Call(
                "GET",
                "/v1/feeds/{userId}",
                "feed_reader",
                self._read_feed,
                "Posts of whom a user follows, newest first",
                lists=FeedItem,
                refuses=(403, 404),
                at_hand=self._feed_at_hand,
            ),
        ]

    async def _create(self, incoming: Incoming) -> Answer:
        body = incoming.body(NewPost)
        incoming.expect_caller(body.user_id, what="userId")
        headers = incoming.request.headers
        content = PostContent(
            text=body.text,
            media_url=body.media_url and self._shapes.path_in(body.media_url, headers),
            description=body.description,
            hashtags=tuple(body.hashtags),
        )
        post = await self._writer.create(body.user_id, content, fresh_id=incoming.fresh_id)
        return Answer(201, self._shapes.post(post, headers), location=f"/v1/posts/{post.post_id}")

    async def _get(self, incoming: Incoming) -> Answer:
        shown = await self._reader.get(incoming.path_id("postId", kind="post"))
        return Answer(200, self._shapes.post(shown, incoming.request.headers))

    async def _edit(self, incoming: Incoming) -> Answer:
        post_id = incoming.path_id("postId", kind="post")
        edit = incoming.body(PostChanges).edit
        await self._writer.edit(post_id, edit, editor_id=incoming.caller_id)
        shown = await self._reader.get(post_id)
        return Answer(200, self._shapes.post(shown, incoming.request.headers))

    async def _delete(self, incoming: Incoming) -> Answer:
        post_id = incoming.path_id("postId", kind="post")
        await self._writer.delete(post_id, editor_id=incoming.caller_id)
        return Answer(204)

    async def _read_feed(self, incoming: Incoming) -> Answer:
        user_id, of = _whose_feed(incoming)
        return self._page(await self._feeds.read(user_id, incoming.page(of)), of, incoming)

    def _feed_at_hand(self, incoming: Incoming) -> Answer | None:
        user_id, of = _whose_feed(incoming)
        page = self._feeds.at_hand(user_id, incoming.page(of))
        return self._page(page, of, incoming) if page else None

    def _page(self, page: FeedPage, of: str, incoming: Incoming) -> Answer:
        if page.presented:
            return Answer(200, body=page.presented)
        items = self._shapes.feed_items(page.items, incoming.request.headers)
        presented = incoming.list_of_json(items, page.next_before, of)
        if self._shapes.are_for_everybody(page.items):
            page.keep_presented(presented)
        return Answer(200, body=presented)


def _whose_feed(incoming: Incoming) -> tuple[int, str]:
    """Return whose feed is asked for, and what its cursors are told by."""
    user_id = incoming.path_id("userId", kind="user")
    incoming.expect_caller(user_id, what="the feed")
    return user_id, f"feed of {user_id}"

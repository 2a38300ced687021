"""Calls about comments, likes and notifications."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext, suppress

import orjson
from aiohttp import web

from server.errors import InvalidFieldError, RequestError
from server.gateway.bodies import NewComment, NewLike, ReadMark
from server.gateway.calls import Answer, Call, Incoming
from server.gateway.request_connection import while_connected
from server.gateway.shapes import (
    CommentItem,
    CommentShape,
    LikeItem,
    LikeShape,
    NotificationShape,
    comment_item,
    comment_shape,
    like_item,
    like_shape,
    notification_shape,
)
from server.model.ids import id_in
from server.model.records import Notification
from server.services import comment_service
from server.services.comment_service import CommentService
from server.services.like_service import LikeService
from server.services.notification_service import NotificationService

HEARTBEAT_S = 15.0

WhileValid = Callable[[str], AbstractAsyncContextManager[None]]


class ReactionCalls:
    """What users do with posts, and what their owners hear of it."""

    def __init__(
        self,
        comments: CommentService,
        likes: LikeService,
        notifications: NotificationService,
        *,
        while_valid: WhileValid,
    ) -> None:
        """`while_valid` is left when the token that it is given is valid no more."""
        self._comments = comments
        self._likes = likes
        self._notifications = notifications
        self._while_valid = while_valid

    def calls(self) -> Sequence[Call]:
        """Return these calls."""
        return [*self._comment_calls(), *self._like_calls(), *self._notification_calls()]

    def _comment_calls(self) -> Sequence[Call]:
        return [
            Call(
                "POST",
                "/v1/comments",
                "comment_service",
                self._comment,
                "Comment on a post, or reply to a comment",
                answers={201: CommentShape},
                body=NewComment,
                refuses=(403, 404),
                queues_events=True,
            ),
            Call(
                "GET",
                "/v1/posts/{postId}/comments",
                "comment_service",
                self._comments_of,
                "A post's comments, newest first",
                lists=CommentItem,
                refuses=(404,),
            ),
        ]

    def _like_calls(self) -> Sequence[Call]:
        return [
            Call(
                "POST",
                "/v1/likes",
                "like_service",
                self._like,
                "Like a post; 200 if that stood already",
                answers={201: LikeShape, 200: LikeShape},
                body=NewLike,
                refuses=(403, 404),
                queues_events=True,
            ),
            Call(
                "DELETE",
                "/v1/likes",
                "like_service",
                self._unlike,
                "Take a like back, also when repeated",
                answers={204: None},
                query=("userId", "postId"),
                refuses=(403,),
            ),
            Call(
                "GET",
                "/v1/posts/{postId}/likes",
                "like_service",
                self._likes_of,
                "Who likes a post, the latest first",
                lists=LikeItem,
                refuses=(404,),
            ),
        ]

    def _notification_calls(self) -> Sequence[Call]:
        of_user = "/v1/notifications/{userId}"
        box = "notification_service"
        return [
            Call(
                "GET",
                of_user,
                box,
                self._list,
                "A user's notifications, newest first",
                lists=NotificationShape,
                refuses=(403, 404),
            ),
            Call(
                "GET",
                f"{of_user}/stream",
                box,
                self._stream,
                "Notifications as server-sent events; Last-Event-ID resumes",
                answers={200: str},
                refuses=(403, 404),
                media_type="text/event-stream",
            ),
            Call(
                "POST",
                f"{of_user}/read",
                box,
                self._mark_read,
                "Mark notifications up to one as read",
                answers={204: None},
                body=ReadMark,
                refuses=(403, 404),
            ),
        ]

    async def _comment(self, incoming: Incoming) -> Answer:
        body = incoming.body(NewComment)
        incoming.expect_caller(body.user_id, what="userId")
        new = comment_service.NewComment(
            author_id=body.user_id,
            post_id=body.post_id,
            text=body.comment,
            parent_id=body.parent_comment_id,
        )
        comment = await self._comments.create(new, fresh_id=incoming.fresh_id)
        return Answer(201, comment_shape(comment))

    async def _comments_of(self, incoming: Incoming) -> Answer:
        post_id = incoming.path_id("postId", kind="post")
        of = f"comments on {post_id}"
        return incoming.list_of(
            await self._comments.of_post(post_id, incoming.page(of)), of, comment_item
        )

    async def _like(self, incoming: Incoming) -> Answer:
        body = incoming.body(NewLike)
        incoming.expect_caller(body.user_id, what="userId")
        like, is_new = await self._likes.like(body.user_id, body.post_id)
        return Answer(201 if is_new else 200, like_shape(like))

    async def _unlike(self, incoming: Incoming) -> Answer:
        user_id, post_id = map(incoming.query_id, ("userId", "postId"))
        incoming.expect_caller(user_id, what="userId")
        await self._likes.unlike(user_id, post_id)
        return Answer(204)

    async def _likes_of(self, incoming: Incoming) -> Answer:
        post_id = incoming.path_id("postId", kind="post")
        of = f"likes of {post_id}"
        return incoming.list_of(
            await self._likes.of_post(post_id, incoming.page(of)), of, like_item
        )

    async def _list(self, incoming: Incoming) -> Answer:
        user_id = self._own(incoming)
        of = f"notifications of {user_id}"
        return incoming.list_of(
            await self._notifications.of_user(user_id, incoming.page(of)), of, notification_shape
        )

    async def _mark_read(self, incoming: Incoming) -> Answer:
        user_id = self._own(incoming)
        await self._notifications.mark_read(user_id, up_to=incoming.body(ReadMark).up_to)
        return Answer(204)

    async def _stream(self, incoming: Incoming) -> web.StreamResponse:
        user_id = self._own(incoming)
        stream = self._notifications.stream(
            user_id, after=_last_event_id(incoming.request), heartbeat_s=HEARTBEAT_S
        )
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        async with aclosing(stream):
            # What can be refused is refused before the answer has begun.
            first = await anext(stream, ())
            await response.prepare(incoming.request)
            # Later, a store that fails or a client that has gone ends the stream: the client
            # comes back with the last id that it has seen.
            with suppress(RequestError, ConnectionError):
                async with while_connected(incoming.request), self._while_allowed(incoming):
                    await response.write(_lines(first))
                    async for notifications in stream:
                        await response.write(_lines(notifications))
        return response

    def _while_allowed(self, incoming: Incoming) -> AbstractAsyncContextManager[None]:
        return nullcontext() if incoming.caller_id is None else self._while_valid(incoming.token)

    @staticmethod
    def _own(incoming: Incoming) -> int:
        user_id = incoming.path_id("userId", kind="user")
        incoming.expect_caller(user_id, what="the list of notifications")
        return user_id


def _last_event_id(request: web.Request) -> int | None:
    text = request.headers.get("Last-Event-ID")
    if text is None:
        return None
    found = id_in(text)
    if found is None:
        raise InvalidFieldError(field="Last-Event-ID", reason="expected an event's id")
    return found


def _lines(notifications: Sequence[Notification]) -> bytes:
    return b"".join(map(_event, notifications)) or b": heartbeat\n\n"


def _event(notification: Notification) -> bytes:
    data = orjson.dumps(notification_shape(notification)).decode()
    number = notification.notification_id
    return f"id: {number}\nevent: notification\ndata: {data}\n\n".encode()

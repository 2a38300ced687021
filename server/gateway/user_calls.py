"""Calls about users, their tokens and whom they follow."""

from collections.abc import Sequence

from server.gateway.bodies import Login, NewFollow, NewUser
from server.gateway.calls import Answer, Call, Incoming
from server.gateway.shapes import (
    FollowShape,
    FollowUser,
    PostShape,
    PostShapes,
    SignedIn,
    SignedUp,
    UserShape,
    followee_item,
    follower_item,
    user_shape,
)
from server.model.ids import timestamp_at
from server.services.accounts import Accounts
from server.services.follow_service import FollowService
from server.services.post_reader import PostReader


class UserCalls:
    """Sign up, in and out; profiles; the graph."""

    def __init__(
        self, accounts: Accounts, follows: FollowService, posts: PostReader, shapes: PostShapes
    ) -> None:
        self._shapes = shapes
        self._accounts = accounts
        self._follows = follows
        self._posts = posts

    def calls(self) -> Sequence[Call]:
        """Return these calls."""
        return [*self._account_calls(), *self._profile_calls(), *self._follow_calls()]

    def _account_calls(self) -> Sequence[Call]:
        return [
            Call(
                "POST",
                "/v1/users",
                "users_db",
                self._sign_up,
                "Sign up; the token is told this once",
                answers={201: SignedUp},
                body=NewUser,
                refuses=(409,),
                is_public=True,
                claims="name",
            ),
            Call(
                "POST",
                "/v1/tokens",
                "users_db",
                self._sign_in,
                "Sign in; the token is told this once",
                answers={201: SignedIn},
                body=Login,
                refuses=(401,),
                is_public=True,
                claims="name",
            ),
            Call(
                "DELETE",
                "/v1/tokens",
                "users_db",
                self._sign_out,
                "Sign out: revoke the token of this call",
                answers={204: None},
            ),
        ]

    def _profile_calls(self) -> Sequence[Call]:
        user = "/v1/users/{userId}"
        return [
            Call(
                "GET",
                user,
                "users_db",
                self._user,
                "A user",
                answers={200: UserShape},
                refuses=(404,),
            ),
            Call(
                "GET",
                f"{user}/posts",
                "feed_reader",
                self._user_posts,
                "A user's posts",
                lists=PostShape,
                refuses=(404,),
            ),
            Call(
                "GET",
                f"{user}/followers",
                "follow_service",
                self._followers,
                "Who follows a user, the latest first",
                lists=FollowUser,
                refuses=(404,),
            ),
            Call(
                "GET",
                f"{user}/followees",
                "follow_service",
                self._followees,
                "Whom a user follows, the latest first",
                lists=FollowUser,
                refuses=(404,),
            ),
        ]

    def _follow_calls(self) -> Sequence[Call]:
        return [
            Call(
                "POST",
                "/v1/follow",
                "follow_service",
                self._follow,
                "Follow a user; 200 if that stood already",
                answers={201: FollowShape, 200: FollowShape},
                body=NewFollow,
                refuses=(403, 404),
                claims="followerId",
                queues_events=True,
            ),
            Call(
                "DELETE",
                "/v1/follow",
                "follow_service",
                self._unfollow,
                "Unfollow a user, also when repeated",
                answers={204: None},
                query=("followerId", "followeeId"),
                refuses=(403,),
                queues_events=True,
            ),
        ]

    async def _sign_up(self, incoming: Incoming) -> Answer:
        body = incoming.body(NewUser)
        issued = await self._accounts.sign_up(body.name, body.password, fresh_id=incoming.fresh_id)
        document: SignedUp = {
            "userId": str(issued.user_id),
            "name": body.name,
            "token": issued.text,
        }
        return Answer(201, document, location=f"/v1/users/{issued.user_id}")

    async def _sign_in(self, incoming: Incoming) -> Answer:
        body = incoming.body(Login)
        issued = await self._accounts.sign_in(body.name, body.password)
        document: SignedIn = {
            "userId": str(issued.user_id),
            "token": issued.text,
            "expiresAt": timestamp_at(issued.expires_at_ms),
        }
        return Answer(201, document)

    async def _sign_out(self, incoming: Incoming) -> Answer:
        await self._accounts.sign_out(incoming.token)
        return Answer(204)

    async def _user(self, incoming: Incoming) -> Answer:
        user = await self._accounts.user(incoming.path_id("userId", kind="user"))
        return Answer(200, user_shape(user))

    async def _user_posts(self, incoming: Incoming) -> Answer:
        user_id = incoming.path_id("userId", kind="user")
        of = f"posts of {user_id}"
        posts = await self._posts.of_author(user_id, incoming.page(of))
        headers = incoming.request.headers
        return incoming.list_of(posts, of, lambda shown: self._shapes.post(shown, headers))

    async def _followers(self, incoming: Incoming) -> Answer:
        user_id = incoming.path_id("userId", kind="user")
        of = f"followers of {user_id}"
        return incoming.list_of(
            await self._follows.followers(user_id, incoming.page(of)), of, follower_item
        )

    async def _followees(self, incoming: Incoming) -> Answer:
        user_id = incoming.path_id("userId", kind="user")
        of = f"followees of {user_id}"
        return incoming.list_of(
            await self._follows.followees(user_id, incoming.page(of)), of, followee_item
        )

    async def _follow(self, incoming: Incoming) -> Answer:
        body = incoming.body(NewFollow)
        incoming.expect_caller(body.follower_id, what="followerId")
        is_new = await self._follows.follow(body.follower_id, body.followee_id)
        document: FollowShape = {
            "followerId": str(body.follower_id),
            "followeeId": str(body.followee_id),
        }
        return Answer(201 if is_new else 200, document)

    async def _unfollow(self, incoming: Incoming) -> Answer:
        follower_id, followee_id = map(incoming.query_id, ("followerId", "followeeId"))
        incoming.expect_caller(follower_id, what="followerId")
        await self._follows.unfollow(follower_id, followee_id)
        return Answer(204)

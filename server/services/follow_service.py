"""The follow service: keeps the graph of followers and followees."""

from collections.abc import Sequence

from server.errors import InvalidFieldError
from server.model.events import Event, EventKind
from server.model.ids import IdGenerator, shard_of
from server.model.pages import Page, PageRequest, first_page
from server.model.records import Edge, EdgeAdding, Pair
from server.ports.stores import Follows
from server.services.accounts import Accounts
from server.services.feed_cache import FeedCache

# Whom a user may follow: every page of a feed checks them, and they are held in memory.
MOST_FOLLOWEES = 10_000


class FollowService:
    """Steps 3 and 4 of the flow "follow a user"; the event has the feed backfilled or emptied."""

    def __init__(
        self, *, follows: Follows, accounts: Accounts, feed_cache: FeedCache, ids: IdGenerator
    ) -> None:
        self._follows = follows
        self._accounts = accounts
        self._feed_cache = feed_cache
        self._ids = ids

    async def follow(self, follower_id: int, followee_id: int) -> bool:
        """Make the follower follow; False if they did already. Seen at the follower's next read.

        Raises:
            NotFoundError: if there is no such user.
            InvalidFieldError: if somebody follows themselves, or more users than one may.
        """
        if follower_id == followee_id:
            raise InvalidFieldError(field="followeeId", reason="nobody can follow themselves")
        await self._accounts.expect(followee_id, follower_id)
        edge = Edge(self._ids.new(shard=shard_of(follower_id)), follower_id, followee_id)
        event = Event(EventKind.FOLLOWED, follower_id, followee_id)
        adding = await self._follows.add(edge, event, most_followees=MOST_FOLLOWEES)
        if adding is EdgeAdding.REFUSED:
            raise InvalidFieldError(
                field="followeeId", reason=f"nobody can follow more than {MOST_FOLLOWEES} users"
            )
        if adding is EdgeAdding.DONE:
            pair = Pair(follower_id, followee_id)
            self._feed_cache.follow(pair, pushed_from=self._ids.ceiling + 1)
        else:
            self._feed_cache.drop([follower_id])
        return adding is EdgeAdding.DONE

    async def unfollow(self, follower_id: int, followee_id: int) -> None:
        """End it, if they did follow. Seen at the follower's next read."""
        event = Event(EventKind.UNFOLLOWED, follower_id, followee_id)
        await self._follows.remove(follower_id, followee_id, event)
        self._feed_cache.drop([follower_id])

    async def followers(self, user_id: int, page: PageRequest) -> Page[tuple[Edge, str]]:
        """Return who follows a user, the latest first, with their names.

        Raises:
            NotFoundError: if there is no such user.
        """
        await self._accounts.expect(user_id)
        edges = await self._follows.followers_page(user_id, page.and_one_more)
        return await self._named(edges, [edge.follower_id for edge in edges], page)

    async def followees(self, user_id: int, page: PageRequest) -> Page[tuple[Edge, str]]:
        """Return whom a user follows, the latest first, with their names.

        Raises:
            NotFoundError: if there is no such user.
        """
        await self._accounts.expect(user_id)
        edges = await self._follows.followees_page(user_id, page.and_one_more)
        return await self._named(edges, [edge.followee_id for edge in edges], page)

    async def _named(
        self, edges: Sequence[Edge], user_ids: Sequence[int], page: PageRequest
    ) -> Page[tuple[Edge, str]]:
        names = await self._accounts.names(user_ids)
        named = [(edge, names[of]) for edge, of in zip(edges, user_ids, strict=True)]
        return first_page(named, limit=page.limit, id_of=lambda item: item[0].edge_id)

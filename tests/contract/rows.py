"""Rows that contract tests put into stores."""

from server.model.events import Event, EventKind, Queue
from server.model.ids import LARGEST_ID
from server.model.pages import PageRequest
from server.model.records import Edge, EdgeAdding, Post, Token
from server.ports.stores import Stores

ALL = PageRequest(LARGEST_ID, 100)
TOKEN = Token(b"digest", user_id=1, expires_at_ms=1_000)


def posted(post_id: int, author_id: int = 1) -> tuple[Post, Event]:
    return Post(post_id, author_id, text="hello"), Event(EventKind.POSTED, author_id, post_id)


async def add_edge(
    stores: Stores, follower_id: int, followee_id: int, edge_id: int, *, most: int = 9
) -> EdgeAdding:
    edge = Edge(edge_id, follower_id, followee_id)
    event = Event(EventKind.FOLLOWED, follower_id, followee_id)
    return await stores.follows.add(edge, event, most_followees=most)


async def events_in(stores: Stores, queue: Queue) -> list[Event]:
    due = await stores.messages.due(queue, now_ms=LARGEST_ID, limit=100)
    return [delivery.event for delivery in due]

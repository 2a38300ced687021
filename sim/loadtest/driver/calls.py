"""Each flow as the call of the API that stands for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sim.loadtest.driver.connections import Answer
from sim.loadtest.plan import Plan

_RIGHT_STATUSES = {
    "read_feed": (200,),
    "text_post": (201,),
    "media_post": (201,),
    "like": (201, 200),
    "comment": (201,),
    "follow": (201, 200),
    "unfollow": (204,),
}
_WORDS = "the quick brown fox jumps over the lazy dog "


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a schedule.

    Attributes:
        flow: name.
        actor: number of the user who asks.
        subject: number of the post or user that it is about.
        cursor: of the page that it asks for; empty for the first.
        before: the post that the page is to go on below; None for the first.
    """

    flow: str
    actor: int
    subject: int
    cursor: str = ""
    before: int | None = None

    def is_right(self, answer: Answer) -> bool:
        """Whether the answer's status is one that the flow has."""
        return answer.status in _RIGHT_STATUSES[self.flow]


class Calls:
    """Writes requests as bytes."""

    def __init__(self, plan: Plan, *, authority: str) -> None:
        self._user_ids = plan.user_ids.tolist()
        self._tokens = plan.tokens.tolist()
        self._post_ids = plan.post_ids.tolist()
        self._page = plan.settings.posts_per_page
        repeats = plan.settings.text_characters // len(_WORDS) + 1
        self._text = (_WORDS * repeats)[: plan.settings.text_characters]
        self._authority = authority

    def request(self, asked: Request) -> bytes:
        """Return the whole request of a flow that has one; a media post has several."""
        actor = self._user_ids[asked.actor]
        match asked.flow:
            case "read_feed":
                cursor = f"&cursor={asked.cursor}" if asked.cursor else ""
                path = f"/v1/feeds/{actor}?limit={self._page}{cursor}"
                return self._bytes(asked.actor, "GET", path)
            case "text_post":
                return self._posted(
                    asked.actor, "/v1/posts", {"userId": str(actor), "text": self._text}
                )
            case _:
                return self._about(asked, str(actor))

    def upload(self, actor: int, *, size_bytes: int) -> bytes:
        """Return the request that has an upload of a JPEG signed."""
        user_id = str(self._user_ids[actor])
        declared = {"contentType": "image/jpeg", "sizeBytes": size_bytes}
        return self._posted(actor, "/v1/media/uploads", {"userId": user_id, **declared})

    def media_post(self, actor: int, media_url: str) -> bytes:
        """Return the request that posts what was uploaded."""
        body = {
            "userId": str(self._user_ids[actor]),
            "mediaUrl": media_url,
            "description": self._text,
        }
        return self._posted(actor, "/v1/posts", body)

    def _about(self, asked: Request, actor: str) -> bytes:
        match asked.flow:
            case "like":
                body = {"userId": actor, "postId": str(self._post_ids[asked.subject])}
                return self._posted(asked.actor, "/v1/likes", body)
            case "comment":
                body = {
                    "userId": actor,
                    "postId": str(self._post_ids[asked.subject]),
                    "comment": _WORDS,
                }
                return self._posted(asked.actor, "/v1/comments", body)
            case "follow":
                body = {"followerId": actor, "followeeId": str(self._user_ids[asked.subject])}
                return self._posted(asked.actor, "/v1/follow", body)
            case _:
                followee = self._user_ids[asked.subject]
                path = f"/v1/follow?followerId={actor}&followeeId={followee}"
                return self._bytes(asked.actor, "DELETE", path)

    def _posted(self, actor: int, path: str, body: Mapping[str, object]) -> bytes:
        return self._bytes(actor, "POST", path, json.dumps(body).encode())

    def _bytes(self, actor: int, method: str, path: str, body: bytes = b"") -> bytes:
        content = (
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        )
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._authority}\r\n"
            f"Authorization: Bearer {self._tokens[actor]}\r\n{content}\r\n"
        )
        return head.encode() + body


def post_id_of(body: bytes) -> int | None:
    """Return the id of the post that an answer tells of, or None if it tells of none."""
    try:
        return int(json.loads(body)["postId"])
    except (ValueError, KeyError, TypeError):
        return None

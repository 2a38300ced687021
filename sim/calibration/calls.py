"""Each flow that a client can ask for, as the call of the API that stands for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sim.loadtest.world import World

_TEXT = "What was measured once is known for a while. "


@dataclass(frozen=True, slots=True)
class Call:
    """A call: a GET or DELETE has no body."""

    method: str
    path: str
    body: Mapping[str, object] | None
    token: str


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of a world's users; `posts_per_page` and `text_characters` as in the traffic."""

    world: World
    posts_per_page: int
    text_characters: int

    def of(self, flow: str, *, actor: int, subject: int) -> Call:
        """Return what a user sends about a post or another user, all given by their numbers.

        A media post has several calls: `upload`, the upload itself, and `media_post`.
        """
        user = str(self.world.user_ids[actor])
        token = str(self.world.tokens[actor])
        match flow:
            case "read_feed":
                path = f"/v1/feeds/{user}?limit={self.posts_per_page}"
                return Call("GET", path, None, token)
            case "unfollow":
                followee = self.world.user_ids[subject]
                path = f"/v1/follow?followerId={user}&followeeId={followee}"
                return Call("DELETE", path, None, token)
            case "follow":
                body = {"followerId": user, "followeeId": str(self.world.user_ids[subject])}
                return Call("POST", "/v1/follow", body, token)
            case "like" | "comment":
                body = {"userId": user, "postId": str(self.world.post_ids[subject])}
                return Call("POST", f"/v1/{flow}s", body | self._comment(flow), token)
            case _:
                return Call("POST", "/v1/posts", {"userId": user} | self._content(), token)

    @staticmethod
    def _comment(flow: str) -> dict[str, str]:
        return {"comment": _TEXT} if flow == "comment" else {}

    def _content(self) -> dict[str, str]:
        return {"text": self._text()}

    def _text(self) -> str:
        return (_TEXT * (self.text_characters // len(_TEXT) + 1))[: self.text_characters]

    def upload(self, actor: int, *, size_bytes: int, content_type: str = "image/jpeg") -> Call:
        """Return what a user sends to have an upload signed."""
        declared = {"contentType": content_type, "sizeBytes": size_bytes}
        body = {"userId": str(self.world.user_ids[actor]), **declared}
        return Call("POST", "/v1/media/uploads", body, str(self.world.tokens[actor]))

    def media_post(self, actor: int, media_url: str) -> Call:
        """Return what a user sends to post what was uploaded."""
        body = {"mediaUrl": media_url, "description": self._text()}
        user = str(self.world.user_ids[actor])
        return Call("POST", "/v1/posts", {"userId": user, **body}, str(self.world.tokens[actor]))

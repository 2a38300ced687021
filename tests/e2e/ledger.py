"""People who write until their server dies, and a ledger of what it has confirmed to them."""

import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Any

import orjson

from tests.e2e.serving import Person, Reply, Serving

# Of four requests, two are posts; the last post is then liked and commented on.
CYCLE = ("posts", "posts", "likes", "comments")
AGAIN_S = 0.02


@dataclass(frozen=True)
class Sent:
    """A request, with the key that makes it safe to send again."""

    path: str
    body: dict[str, str]
    key: str

    def through(self, server: Serving) -> Reply:
        """Send it, the same to a byte each time."""
        key = {"Idempotency-Key": self.key}
        return server.send("POST", self.path, self.content, headers=key)

    @property
    def content(self) -> bytes:
        """The body."""
        return orjson.dumps(self.body)


@dataclass
class Ledger:
    """What was confirmed, kept by the clients alone.

    Attributes:
        posts: the posts, in the order of their confirmations.
        liked: the posts whose like was confirmed.
        comments: how many comments of a post were.
        unanswered: requests whose answer the server did not live to send.
        refused: how often a request was answered with 503.
        wrong: answers that should never be.
    """

    posts: list[str] = field(default_factory=list)
    liked: set[str] = field(default_factory=set)
    comments: Counter[str] = field(default_factory=Counter)
    unanswered: list[Sent] = field(default_factory=list)
    refused: int = 0
    wrong: list[Reply] = field(default_factory=list)

    @property
    def confirmations(self) -> int:
        """How many requests were confirmed."""
        return len(self.posts) + len(self.liked) + self.comments.total()

    def note(self, sent: Sent, reply: Reply) -> None:
        """Take down an answer."""
        if reply.status == 503:
            self.refused += 1
        elif reply.status not in {200, 201}:
            self.wrong.append(reply)
        elif sent.path == "/v1/posts":
            self.posts.append(reply.json["postId"])
        elif sent.path == "/v1/likes":
            self.liked.add(sent.body["postId"])
        else:
            self.comments[sent.body["postId"]] += 1

    def send_again(self, server: Serving) -> None:
        """Repeat what had no answer: done or not, it is done once after that."""
        while self.unanswered:
            sent = self.unanswered[-1]
            reply = sent.through(server)
            if reply.status != 503:
                self.unanswered.pop()
            self.note(sent, reply)


class Writer(threading.Thread):
    """Posts, and has somebody like and comment on it, until the server dies."""

    def __init__(self, server: Serving, author: Person, fan: Person, ledger: Ledger) -> None:
        super().__init__()
        self._port = server.port
        self._author = author
        self._fan = fan
        self._ledger = ledger
        self._last_post = ""
        # No other writer of any round has it.
        self._name = f"{author.user_id}-{server.process.pid}"

    def run(self) -> None:
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=20)) as connection:
            self._write(connection)

    def _write(self, connection: HTTPConnection) -> None:
        for number in count():
            sent = self._next(number)
            try:
                reply = _answered(connection, sent)
                while reply.status == 503:
                    self._ledger.note(sent, reply)
                    time.sleep(AGAIN_S)
                    reply = _answered(connection, sent)
            except (OSError, HTTPException):
                self._ledger.unanswered.append(sent)
                return
            self._ledger.note(sent, reply)
            if sent.path == "/v1/posts" and reply.status == 201:
                self._last_post = reply.json["postId"]

    def _next(self, number: int) -> Sent:
        what = CYCLE[number % len(CYCLE)]
        body = {"userId": self._fan.user_id, "postId": self._last_post}
        if what == "posts":
            body = {"userId": self._author.user_id, "text": f"text {number}"}
        elif what == "comments":
            body["comment"] = f"comment {number}"
        return Sent(f"/v1/{what}", body, f"{self._name}-{number}")


def _answered(connection: HTTPConnection, sent: Sent) -> Reply:
    headers = {"Content-Type": "application/json", "Idempotency-Key": sent.key}
    connection.request("POST", sent.path, body=sent.content, headers=headers)
    response = connection.getresponse()
    return Reply(response.status, dict(response.headers), response.read())


def seen_counts(items: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Return the likes and comments of posts as a feed tells them."""
    return {item["postId"]: (item["likeCount"], item["commentCount"]) for item in items}

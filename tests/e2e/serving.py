"""A server in a process of its own, and a client that speaks its contract."""

import http.client
import json
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

READY = re.compile(r"http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Reply:
    """An answer, read to its end; `json` is None where there is no body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the server has sent
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Person:
    """A user with a token."""

    user_id: str
    token: str
    name: str = ""


@dataclass
class Serving:
    """A server that is ready."""

    process: subprocess.Popen[str]
    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request on a connection of its own; a `bytes` body goes as it is."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=data, headers=sent)
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def sign_up(self, name: str, password: str | None = None) -> Person:
        """Make a user."""
        body = {"name": name} if password is None else {"name": name, "password": password}
        reply = self.send("POST", "/v1/users", body)
        assert reply.status == 201, reply.body
        return Person(reply.json["userId"], reply.json["token"], name)

    def follow(self, follower: Person, followee: Person) -> None:
        """Make one user follow another."""
        body = {"followerId": follower.user_id, "followeeId": followee.user_id}
        reply = self.send("POST", "/v1/follow", body, token=follower.token)
        assert reply.status in {200, 201}, reply.body

    def post(self, author: Person, text: str) -> str:
        """Make a text post; returns its id."""
        body = {"userId": author.user_id, "text": text}
        reply = self.send("POST", "/v1/posts", body, token=author.token)
        assert reply.status == 201, reply.body
        return str(reply.json["postId"])

    def feed(self, reader: Person, *, limit: int = 100) -> list[dict[str, Any]]:
        """Return a whole feed, page by page."""
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            path = f"/v1/feeds/{reader.user_id}?limit={limit}{cursor}"
            reply = self.send("GET", path, token=reader.token)
            assert reply.status == 200, reply.body
            items += reply.json["items"]
            if reply.json["nextCursor"] is None:
                return items
            cursor = f"&cursor={reply.json['nextCursor']}"

    def stop(self) -> int:
        """Ask it to stop, as an orchestrator does; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)


@contextmanager
def serving(
    program: Path, folder: Path, *options: str, stdout: IO[str] | None = None
) -> Iterator[Serving]:
    """Start a server on a free port; it is killed at the end if it still runs."""
    command: list[str | Path] = [program, "serve", "--port", "0", "--data", str(folder), *options]
    with subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        ready = READY.search(line)
        assert ready, line + process.stderr.read()
        try:
            yield Serving(process, int(ready[1]))
        finally:
            process.kill()


def expect_problem(reply: Reply, status: int) -> None:
    """Check that an answer is an error as the contract has it."""
    assert reply.status == status, reply.body
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["status"] == status
    assert reply.json["type"].startswith("urn:socialfeed:problem:")

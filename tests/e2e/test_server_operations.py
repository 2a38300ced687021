"""Every call of the OpenAPI document, with real ids and cursors: what succeeds is as documented.

The fuzzer of `test_server_contract.py` knows nothing of what is stored, so most of what it asks for
is refused. Here it makes the rest of a request, and the ids are those of a small world.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.serving import Person, Serving, serving
from tests.e2e.sockets import eventually
from tests.e2e.uploads import uploaded

EXAMPLES = 40
# Successes of each call; some texts, such as one with NUL, are refused beyond what a schema tells.
LEAST_SUCCESSES = 15
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# It goes on for as long as its reader: other tests read it.
STREAM = "/v1/notifications/{userId}/stream"
PASSWORD = "a good password"  # noqa: S105 - of a user of this test


class World:
    """Users, posts and what belongs to them; the token is the first user's."""

    def __init__(self, server: Serving) -> None:
        self.server = server
        self.me = server.sign_up("me", PASSWORD)
        self.others = [server.sign_up(f"other {number}") for number in range(3)]
        for other in self.others:
            server.follow(self.me, other)
            server.follow(other, self.me)
            server.post(other, f"by {other.user_id}")
        self.posts = [server.post(self.me, f"post {number}") for number in range(3)]
        self.media_url = uploaded(server, self.me)
        self.comments = {
            post: [self._react(other, post) for other in self.others] for post in self.posts
        }
        eventually(lambda: len(self._notifications()) == 18, within_s=5)

    def _react(self, person: Person, post: str) -> str:
        target = {"userId": person.user_id, "postId": post}
        comment = {**target, "comment": "hello"}
        assert self.server.send("POST", "/v1/likes", target, token=person.token).status == 201
        reply = self.server.send("POST", "/v1/comments", comment, token=person.token)
        return str(reply.json["commentId"])

    def _notifications(self) -> list[dict[str, Any]]:
        path = f"/v1/notifications/{self.me.user_id}?limit=100"
        found: list[dict[str, Any]] = self.server.send("GET", path, token=self.me.token).json[
            "items"
        ]
        return found

    def fresh_token(self) -> str:
        login = {"name": "me", "password": PASSWORD}
        return str(self.server.send("POST", "/v1/tokens", login).json["token"])

    def cursor(self, path: str) -> str | None:
        reply = self.server.send("GET", f"{path}?limit=1", token=self.me.token)
        cursor: str | None = reply.json["nextCursor"]
        return cursor


@pytest.fixture(scope="module")
def world(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with serving(program, tmp_path_factory.mktemp("data")) as server:
        yield World(server)


def with_real_ids(case: schemathesis.Case[Any], world: World, data: st.DataObject) -> None:
    """Put what there is into a generated request."""
    ids = {
        "userId": world.me.user_id,
        "followerId": world.me.user_id,
        "followeeId": data.draw(st.sampled_from(world.others)).user_id,
        "postId": data.draw(st.sampled_from(world.posts)),
    }
    if (case.method, case.path) == ("DELETE", "/v1/posts/{postId}"):
        ids["postId"] = world.server.post(world.me, "to be deleted")
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            part.update({name: value for name, value in ids.items() if name in part})
    if isinstance(case.body, dict):
        case.body = real_body(case.path, case.body, world, data)
    if "cursor" in case.query:
        cursor = world.cursor(case.formatted_path)
        case.query["cursor"] = cursor
        if cursor is None:
            del case.query["cursor"]
    is_signing_out = (case.method, case.path) == ("DELETE", "/v1/tokens")
    token = world.fresh_token() if is_signing_out else world.me.token
    case.headers.clear()
    case.headers["Authorization"] = f"Bearer {token}"


def real_body(path: str, body: dict[str, Any], world: World, data: st.DataObject) -> dict[str, Any]:
    """Return a body that is about what there is."""
    match path:
        case "/v1/tokens":
            return {"name": "me", "password": PASSWORD}
        case "/v1/posts":
            kept = data.draw(st.sampled_from(["text", "mediaUrl"]))
            url = {"mediaUrl": world.media_url} if kept == "mediaUrl" else {}
            text = {"text": body.get("text") or "text"} if kept == "text" else {}
            hashtags = {"hashtags": body["hashtags"]} if "hashtags" in body else {}
            return {"userId": body["userId"], **url, **text, **hashtags}
        case "/v1/comments" if body.get("parentCommentId") is not None:
            parent = data.draw(st.sampled_from(world.comments[body["postId"]]))
            return {**body, "parentCommentId": parent}
        case "/v1/media/uploads":
            return {**body, "sizeBytes": data.draw(st.integers(1, 20_000_000))}
        case _:
            return body


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_operation_succeeds_many_times_as_documented(world: World) -> None:
    load_all_checks()
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{world.server.port}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    calls = [each for each in operations if each.path.startswith("/v1") and each.path != STREAM]
    succeeded = Counter({each.label: 0 for each in calls})

    for operation in calls:

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), data=st.data())
        def every_answer_is_documented(case: schemathesis.Case[Any], data: st.DataObject) -> None:
            with_real_ids(case, world, data)
            reply = case.call()
            case.validate_response(reply, checks=CHECKS)
            succeeded[case.operation.label] += reply.status_code < 300

        every_answer_is_documented()

    paths = schema.raw_schema["paths"]
    documented = [path for path, methods in paths.items() for _ in methods if "/v1/" in path]
    assert len(calls) == len(documented) - 1
    assert {label: n for label, n in succeeded.items() if n < LEAST_SUCCESSES} == {}

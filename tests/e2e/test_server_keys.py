"""Idempotency keys of callers without a token: strangers may use the same key, and know nothing of
each other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.serving import Serving, serving

KEY = {"Idempotency-Key": "1"}
ADA = {"name": "ada", "password": "ada's password"}


@pytest.fixture
def server(program: Path, tmp_path: Path) -> Iterator[Serving]:
    with serving(program, tmp_path) as server:
        yield server


def test_signing_up_twice_with_a_key_and_a_password_makes_one_user(server: Serving) -> None:
    first, again = (server.send("POST", "/v1/users", ADA, headers=KEY) for _ in range(2))

    assert (first.status, again.status) == (201, 201)
    assert first.json["userId"] == again.json["userId"]
    path = f"/v1/users/{first.json['userId']}"
    for reply in (first, again):
        assert server.send("GET", path, token=reply.json["token"]).status == 200
    assert server.send("POST", "/v1/users", ADA).status == 409


def test_a_guessed_key_gives_no_token_of_a_user_without_a_password(server: Serving) -> None:
    carol = {"name": "carol"}
    assert server.send("POST", "/v1/users", carol, headers=KEY).status == 201

    guessed = server.send("POST", "/v1/users", carol, headers=KEY)

    assert (guessed.status, "token" in guessed.json) == (409, False)


def test_strangers_may_sign_up_with_the_same_key(server: Serving) -> None:
    replies = [server.send("POST", "/v1/users", {"name": n}, headers=KEY) for n in ("dan", "eve")]

    assert [reply.status for reply in replies] == [201, 201]
    assert len({reply.json["token"] for reply in replies}) == 2


def test_signing_in_again_with_a_key_gives_a_token_that_is_valid(server: Serving) -> None:
    user_id = server.send("POST", "/v1/users", ADA).json["userId"]
    first = server.send("POST", "/v1/tokens", ADA, headers=KEY).json["token"]
    assert server.send("DELETE", "/v1/tokens", token=first).status == 204

    again = server.send("POST", "/v1/tokens", ADA, headers=KEY).json["token"]

    assert server.send("GET", f"/v1/users/{user_id}", token=first).status == 401
    assert server.send("GET", f"/v1/users/{user_id}", token=again).status == 200


def test_without_authentication_each_user_has_keys_of_their_own(
    program: Path, tmp_path: Path
) -> None:
    with serving(program, tmp_path, "--open") as server:
        users = [server.sign_up(name).user_id for name in ("ada", "bob")]
        posts = [
            server.send("POST", "/v1/posts", {"userId": user, "text": "once"}, headers=KEY)
            for user in (*users, users[0])
        ]

        assert [post.status for post in posts] == [201, 201, 201]
        assert [post.json["postId"] for post in posts].count(posts[0].json["postId"]) == 2

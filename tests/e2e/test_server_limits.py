"""The limits of what a request may hold: at them it is done, past them refused, and never a 500."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.serving import Person, Serving, serving

DIGITS = "9" * 5_000


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(program, tmp_path_factory.mktemp("data"), "--rate-limit", "0") as server:
        yield server


@pytest.fixture(scope="module")
def ada(server: Serving) -> Person:
    return server.sign_up("ada")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/v1/posts/{DIGITS}", 404),
        (f"/v1/users/{DIGITS}/followers", 404),
        (f"/v1/follow?followerId={DIGITS}&followeeId=1", 422),
        (f"/v1/likes?userId=1&postId={DIGITS}", 422),
        ("/v1/users/" + "٣" * 3, 404),
    ],
)
def test_an_id_of_any_length_is_no_error_of_the_server(
    server: Serving, ada: Person, path: str, status: int
) -> None:
    method = "DELETE" if "?" in path else "GET"
    path = path.replace("٣", "%D9%A3")

    assert server.send(method, path, token=ada.token).status == status


def test_an_event_id_of_any_length_is_no_error_of_the_server(server: Serving, ada: Person) -> None:
    path = f"/v1/notifications/{ada.user_id}/stream"

    reply = server.send("GET", path, token=ada.token, headers={"Last-Event-ID": DIGITS})

    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "Last-Event-ID")


def longest(field: str, characters: int, ada: Person, post_id: str) -> tuple[str, dict[str, str]]:
    """Return the call and the body in which a field has so many characters."""
    text = "€" * characters
    media = {"userId": ada.user_id, "mediaUrl": "https://cdn.example/a"}
    return {
        "comment": ("/v1/comments", {"userId": ada.user_id, "postId": post_id, "comment": text}),
        "text": ("/v1/posts", {"userId": ada.user_id, "text": text}),
        "description": ("/v1/posts", {**media, "description": text}),
        "mediaUrl": ("/v1/posts", {**media, "mediaUrl": "https://a.test/".ljust(characters, "x")}),
        "name": ("/v1/users", {"name": text}),
    }[field]


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("comment", 10_000),
        ("text", 100_000),
        ("description", 10_000),
        ("mediaUrl", 2_048),
        ("name", 64),
    ],
)
def test_a_text_is_as_long_as_documented_and_no_longer(
    server: Serving, ada: Person, field: str, most: int
) -> None:
    post_id = server.post(ada, "to comment on")
    path, fits = longest(field, most, ada, post_id)
    _, too_long = longest(field, most + 1, ada, post_id)

    assert server.send("POST", path, fits, token=ada.token).status == 201
    refused = server.send("POST", path, too_long, token=ada.token)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, field)

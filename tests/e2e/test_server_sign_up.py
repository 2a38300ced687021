"""Names and passwords: which are taken, and which are refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.serving import Serving, expect_problem, serving


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that has two users, one of them with a password."""
    with serving(program, tmp_path_factory.mktemp("data")) as server:
        server.sign_up("me", "my password")
        server.sign_up("other")
        yield server


@pytest.mark.parametrize("password", ["", "x" * 7, "x" * 1_025, "long enough\0", 12_345_678])
def test_a_password_of_another_length_or_kind_is_422_and_makes_no_user(
    server: Serving, password: object
) -> None:
    body = {"name": "whose password is refused", "password": password}

    reply = server.send("POST", "/v1/users", body)

    expect_problem(reply, 422)
    assert [error["field"] for error in reply.json["errors"]] == ["password"]
    assert str(password) not in reply.body.decode() or not password
    assert server.send("POST", "/v1/tokens", body | {"password": "x" * 8}).status == 401


@pytest.mark.parametrize("password", ["x" * 8, "x" * 1_024, "pass wörd \U0001f600"])
def test_a_password_of_any_allowed_length_signs_in(server: Serving, password: str) -> None:
    body = {"name": f"with {len(password)} characters", "password": password}

    assert server.send("POST", "/v1/users", body).status == 201
    assert server.send("POST", "/v1/tokens", body).status == 201


def test_the_document_tells_how_long_a_password_is(server: Serving) -> None:
    schemas = server.send("GET", "/openapi.json").json["components"]["schemas"]

    [password, _] = schemas["NewUser"]["properties"]["password"]["anyOf"]
    assert (password["minLength"], password["maxLength"]) == (8, 1_024)


def test_a_wrong_password_is_refused_like_an_unknown_name(server: Serving) -> None:
    bodies = [{"name": name, "password": "wrong"} for name in ("me", "other", "nobody")]
    replies = [server.send("POST", "/v1/tokens", body) for body in bodies]

    for reply in replies:
        expect_problem(reply, 401)
    assert len({reply.json["detail"] for reply in replies}) == 1


def test_a_name_that_is_taken_is_409(server: Serving) -> None:
    expect_problem(server.send("POST", "/v1/users", {"name": "me"}), 409)


@pytest.mark.parametrize(
    "sign", ["\n", "\x1b", "\x7f", "\xad", "\u200b", "\u202e", "\u2066", "\ufeff"]
)
def test_a_name_with_signs_that_nobody_sees_is_422(server: Serving, sign: str) -> None:
    reply = server.send("POST", "/v1/users", {"name": f"m{sign}e"})

    expect_problem(reply, 422)
    assert reply.json["errors"][0]["field"] == "name"


def test_names_that_differ_only_in_how_they_are_encoded_are_one(server: Serving) -> None:
    reply = server.send("POST", "/v1/users", {"name": "Zo\xeb \uff11", "password": "x" * 8})

    assert reply.json["name"] == "Zo\xeb 1"
    expect_problem(server.send("POST", "/v1/users", {"name": "Zoe\u0308 \u2460"}), 409)
    login = {"name": "Zoe\u0308 1", "password": "x" * 8}
    assert server.send("POST", "/v1/tokens", login).status == 201

"""Every flow of the design document over HTTP."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.serving import Person, Serving, serving
from tests.e2e.uploads import uploaded


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(program, tmp_path_factory.mktemp("data"), "--server-timing") as server:
        yield server


@pytest.fixture
def people(server: Serving, request: pytest.FixtureRequest) -> tuple[Person, Person]:
    """An author, and a reader who follows them."""
    name = request.node.name[:50]
    author, reader = server.sign_up(f"{name} author"), server.sign_up(f"{name} reader")
    server.follow(reader, author)
    return author, reader


def eventually(check: Callable[[], bool], *, within_s: float = 2.0) -> None:
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def test_a_post_is_in_the_followers_feed_with_its_author(
    server: Serving, people: tuple[Person, Person]
) -> None:
    author, reader = people
    body = {"userId": author.user_id, "text": "hello <b>", "hashtags": ["#first"]}

    reply = server.send("POST", "/v1/posts", body, token=author.token)

    post = reply.json
    assert reply.headers["Location"] == f"/v1/posts/{post['postId']}"
    assert (post["text"], post["hashtags"]) == ("hello <b>", ["#first"])
    assert (post["likeCount"], post["commentCount"]) == (0, 0)
    eventually(lambda: len(server.feed(reader)) == 1)
    [item] = server.feed(reader)
    assert item["author"]["userId"] == author.user_id
    assert {**post, "author": item["author"]} == item


def test_a_media_post_has_a_url_and_a_description(
    server: Serving, people: tuple[Person, Person]
) -> None:
    author, _ = people
    media_url = uploaded(server, author)
    body = {"userId": author.user_id, "mediaUrl": media_url, "description": "a"}

    post = server.send("POST", "/v1/posts", body, token=author.token).json

    assert (post["mediaUrl"], post["description"]) == (media_url, "a")
    assert "text" not in post


def test_a_follow_and_an_unfollow_show_at_the_next_read(
    server: Serving, people: tuple[Person, Person]
) -> None:
    author, reader = people
    other = server.sign_up(f"{author.user_id} other")
    posts = [server.post(other, f"old {number}") for number in range(3)]

    server.follow(reader, other)
    assert [item["postId"] for item in server.feed(reader)] == posts[::-1]

    query = f"followerId={reader.user_id}&followeeId={other.user_id}"
    for _ in range(2):
        reply = server.send("DELETE", f"/v1/follow?{query}", token=reader.token)
        assert reply.status == 204
        assert server.feed(reader) == []


def test_an_edit_shows_everywhere_and_a_delete_removes_everywhere(
    server: Serving, people: tuple[Person, Person]
) -> None:
    author, reader = people
    first, second = server.post(author, "one"), server.post(author, "two")
    eventually(lambda: len(server.feed(reader)) == 2)

    path = f"/v1/posts/{first}"
    edited = server.send("PATCH", path, {"text": "uno"}, token=author.token)
    assert (edited.status, edited.json["text"]) == (200, "uno")
    assert [item["text"] for item in server.feed(reader)] == ["two", "uno"]

    assert server.send("DELETE", path, token=author.token).status == 204
    assert [item["postId"] for item in server.feed(reader)] == [second]
    assert server.send("GET", path, token=reader.token).status == 404
    assert server.send("DELETE", path, token=author.token).status == 404


def test_pages_are_full_disjoint_and_end_with_null(
    server: Serving, people: tuple[Person, Person]
) -> None:
    author, reader = people
    posts = [server.post(author, str(number)) for number in range(7)]
    eventually(lambda: len(server.feed(reader)) == 7)

    first = server.send("GET", f"/v1/feeds/{reader.user_id}?limit=3", token=reader.token).json

    assert len(first["items"]) == 3
    assert [item["postId"] for item in server.feed(reader, limit=3)] == posts[::-1]


def test_likes_count_once_and_can_be_taken_back(
    server: Serving, people: tuple[Person, Person]
) -> None:
    author, reader = people
    post = server.post(author, "like me")
    body = {"userId": reader.user_id, "postId": post}
    query = f"userId={reader.user_id}&postId={post}"

    statuses = [server.send("POST", "/v1/likes", body, token=reader.token).status for _ in range(2)]
    assert statuses == [201, 200]
    assert server.send("GET", f"/v1/posts/{post}", token=reader.token).json["likeCount"] == 1
    likes = server.send("GET", f"/v1/posts/{post}/likes", token=author.token).json
    assert [like["userId"] for like in likes["items"]] == [reader.user_id]

    statuses = [
        server.send("DELETE", f"/v1/likes?{query}", token=reader.token).status for _ in range(2)
    ]
    assert statuses == [204, 204]
    assert server.send("GET", f"/v1/posts/{post}", token=reader.token).json["likeCount"] == 0


def test_comments_come_newest_first_with_replies(
    server: Serving, people: tuple[Person, Person]
) -> None:
    author, reader = people
    post = server.post(author, "discuss")
    body = {"userId": reader.user_id, "postId": post, "comment": "first"}
    first = server.send("POST", "/v1/comments", body, token=reader.token).json
    reply = {**body, "comment": "second", "parentCommentId": first["commentId"]}

    assert server.send("POST", "/v1/comments", reply, token=reader.token).status == 201

    comments = server.send("GET", f"/v1/posts/{post}/comments", token=author.token).json["items"]
    assert [comment["comment"] for comment in comments] == ["second", "first"]
    assert comments[0]["parentCommentId"] == first["commentId"]
    assert server.send("GET", f"/v1/posts/{post}", token=author.token).json["commentCount"] == 2
    elsewhere = {**reply, "postId": server.post(author, "another")}
    refused = server.send("POST", "/v1/comments", elsewhere, token=reader.token)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "parentCommentId")


def test_the_owner_is_notified_live_and_from_where_they_stopped(
    server: Serving, people: tuple[Person, Person]
) -> None:
    author, reader = people
    post = server.post(author, "notify me")
    like = {"userId": reader.user_id, "postId": post}
    path = f"/v1/notifications/{author.user_id}"
    server.send("POST", "/v1/likes", {**like, "userId": author.user_id}, token=author.token)
    server.send("POST", "/v1/likes", like, token=reader.token)

    def listed() -> list[dict[str, object]]:
        items: list[dict[str, object]] = server.send("GET", path, token=author.token).json["items"]
        return items

    eventually(lambda: len(listed()) == 1)
    [first] = listed()
    assert (first["kind"], first["actorId"], first["read"]) == ("like", reader.user_id, False)

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    headers = {"Authorization": f"Bearer {author.token}", "Last-Event-ID": "0"}
    connection.request("GET", f"{path}/stream", headers=headers)
    response = connection.getresponse()
    assert response.headers["Content-Type"] == "text/event-stream"
    assert _next_event(response) == first
    comment = {**like, "comment": "live"}
    server.send("POST", "/v1/comments", comment, token=reader.token)
    assert _next_event(response)["kind"] == "comment"
    connection.close()

    mark = {"upTo": first["notificationId"]}
    assert server.send("POST", f"{path}/read", mark, token=author.token).status == 204
    assert [item["read"] for item in listed()] == [False, True]


def test_who_is_replied_to_is_notified_and_so_is_the_owner_each_once(
    server: Serving, people: tuple[Person, Person]
) -> None:
    author, reader = people
    third = server.sign_up(f"third of {author.user_id}")
    post = server.post(author, "a thread")

    def comment(by: Person, parent: str | None = None) -> str:
        body = {"userId": by.user_id, "postId": post, "comment": "words", "parentCommentId": parent}
        reply = server.send("POST", "/v1/comments", body, token=by.token)
        assert reply.status == 201, reply.body
        return str(reply.json["commentId"])

    def told(person: Person) -> list[tuple[str, str, str]]:
        path = f"/v1/notifications/{person.user_id}"
        items = server.send("GET", path, token=person.token).json["items"]
        return [(item["kind"], item["actorId"], item["commentId"]) for item in reversed(items)]

    first = comment(reader)
    by_owner = comment(author, first)
    by_third = comment(third, first)
    to_owner = comment(third, by_owner)
    comment(reader, first)  # one's own
    comment(author, by_owner)  # one's own, on one's own post
    last = comment(reader, to_owner)

    eventually(lambda: ("reply", reader.user_id, last) in told(third))
    assert told(third) == [("reply", reader.user_id, last)]
    assert told(reader) == [
        ("reply", author.user_id, by_owner),
        ("reply", third.user_id, by_third),
    ]
    assert [(kind, actor) for kind, actor, _ in told(author)] == [
        ("comment", reader.user_id),
        ("comment", third.user_id),
        ("reply", third.user_id),
        ("comment", reader.user_id),
        ("comment", reader.user_id),
    ]


def _next_event(response: http.client.HTTPResponse) -> dict[str, object]:
    while not (line := response.readline()).startswith(b"data: "):
        assert line, "the stream has ended"
    event: dict[str, object] = json.loads(line.removeprefix(b"data: "))
    return event


def test_lists_of_users_and_posts(server: Serving, people: tuple[Person, Person]) -> None:
    author, reader = people
    post = server.post(author, "mine")
    user = f"/v1/users/{author.user_id}"

    profile = server.send("GET", user, token=reader.token).json
    followers = server.send("GET", f"{user}/followers", token=reader.token).json["items"]
    followees = server.send("GET", f"/v1/users/{reader.user_id}/followees", token=author.token)
    posts = server.send("GET", f"{user}/posts", token=reader.token).json["items"]

    assert (profile["followerCount"], profile["followeeCount"]) == (1, 0)
    assert [follower["userId"] for follower in followers] == [reader.user_id]
    assert [followee["userId"] for followee in followees.json["items"]] == [author.user_id]
    assert [item["postId"] for item in posts] == [post]


def test_a_repeated_key_does_it_once(server: Serving, people: tuple[Person, Person]) -> None:
    author, _ = people
    body = {"userId": author.user_id, "text": "once"}
    key = {"Idempotency-Key": "the key"}

    replies = [
        server.send("POST", "/v1/posts", body, token=author.token, headers=key) for _ in range(2)
    ]
    other = server.send(
        "POST", "/v1/posts", {**body, "text": "two"}, token=author.token, headers=key
    )

    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].json == replies[1].json
    assert replies[0].headers["Location"] == replies[1].headers["Location"]
    assert other.status == 422
    posts = server.send("GET", f"/v1/users/{author.user_id}/posts", token=author.token).json
    assert len(posts["items"]) == 1


def test_every_metric_says_what_it_means_before_its_values(server: Serving) -> None:
    lines = server.send("GET", "/metrics").body.decode().splitlines()

    meant, typed = "", ""
    for line in lines:
        match line.split(maxsplit=3):
            case ["#", "HELP", name, text]:
                assert text.endswith(".")
                meant = name
            case ["#", "TYPE", name, kind]:
                assert (name, kind in {"counter", "gauge", "histogram"}) == (meant, True)
                typed = name
            case [value, *_]:
                assert value.startswith(typed)
            case _:
                pytest.fail(line)
    assert typed


def test_each_answer_tells_the_time_of_each_box(
    server: Serving, people: tuple[Person, Person]
) -> None:
    _, reader = people

    reply = server.send("GET", f"/v1/feeds/{reader.user_id}", token=reader.token)

    assert "feed_reader;dur=" in reply.headers["Server-Timing"]
    assert "api_gateway;dur=" in reply.headers["Server-Timing"]
    metrics = server.send("GET", "/metrics").body.decode()
    assert 'socialfeed_box_duration_seconds_count{box="feed_reader"}' in metrics
    assert 'socialfeed_queue_depth{box="feed_generator"}' in metrics
    assert 'socialfeed_freshness_seconds_count{box="feed_generator"}' in metrics

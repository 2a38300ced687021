"""Uploads: signed for one user, one object, one type and size; and only what came may be posted."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.serving import Person, Serving, serving
from tests.e2e.sockets import eventually
from tests.e2e.uploads import objects, picture, post_media, s3_code, signed, uploaded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(program: Path, folder: Path) -> Iterator[Serving]:
    with serving(program, folder, "--max-image", "100KB", "--max-video", "5MB") as server:
        yield server


@pytest.fixture
def owner(server: Serving, request: pytest.FixtureRequest) -> Person:
    return server.sign_up(request.node.name[-60:])


def posted(server: Serving, author: Person, media_url: str) -> object:
    reply = post_media(server, author, media_url)
    assert reply.status == 201, reply.body
    return reply.json["media"]


def as_posted(media: dict[str, Any]) -> dict[str, Any]:
    """Return media as it was when it was posted: its renditions may be ready by now."""
    return {**media, "state": "stored"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_is_uploaded_posted_and_shown_with_its_size(
    server: Serving, owner: Person, kind: str
) -> None:
    reader = server.sign_up(f"{owner.user_id} reader")
    server.follow(reader, owner)
    media_url = uploaded(server, owner, picture(kind=kind), content_type=f"image/{kind.lower()}")

    reply = post_media(server, owner, media_url)

    shown = {"kind": "image", "width": 64, "height": 48, "state": "stored"}
    assert (reply.status, reply.json["media"]) == (201, shown)
    assert reply.json["mediaUrl"] == media_url
    assert media_url.startswith(f"http://127.0.0.1:{server.port}/media/u/{owner.user_id}/")
    eventually(lambda: len(server.feed(reader)) == 1, within_s=5)
    [item] = server.feed(reader)
    assert (as_posted(item["media"]), item["mediaUrl"]) == (shown, media_url)


def test_a_picture_on_its_side_is_told_as_it_is_shown(server: Serving, owner: Person) -> None:
    media = posted(server, owner, uploaded(server, owner, picture(side=6)))

    assert media == {"kind": "image", "width": 48, "height": 64, "state": "stored"}


def test_a_video_has_no_size_while_nobody_has_looked(server: Serving, owner: Person) -> None:
    video = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + b"x" * 2_000_000

    media_url = uploaded(server, owner, video, content_type="video/mp4")
    media = posted(server, owner, media_url)

    source = f"{media_url}?as=original"
    unknown = {"width": None, "height": None}
    assert media == {"kind": "video", **unknown, "state": "stored", "source": source}


def test_the_media_url_may_be_given_as_its_path(server: Serving, owner: Person) -> None:
    media_url = uploaded(server, owner)

    reply = post_media(server, owner, urlsplit(media_url).path)

    assert (reply.status, reply.json["mediaUrl"]) == (201, media_url)


def test_keys_cannot_be_guessed(server: Serving, owner: Person) -> None:
    names = {signed(server, owner, size_bytes=10).media_url.rpartition("/")[2] for _ in range(50)}

    assert len(names) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}\.jpg", name) for name in names)


@pytest.mark.parametrize(
    ("declared", "field"),
    [
        (("text/html", 10), "contentType"),
        (("image/svg+xml", 10), "contentType"),
        (("image/jpeg; charset=x", 10), "contentType"),
        (("image/jpeg", 0), "sizeBytes"),
        (("image/jpeg", -1), "sizeBytes"),
        (("image/jpeg", 100_001), "sizeBytes"),
        (("video/mp4", 5_000_001), "sizeBytes"),
        (("video/mp4", 2**63), "sizeBytes"),
    ],
)
def test_what_is_not_taken_is_not_signed(
    server: Serving, owner: Person, declared: tuple[str, int], field: str
) -> None:
    content_type, size_bytes = declared
    body = {"userId": owner.user_id, "contentType": content_type, "sizeBytes": size_bytes}

    reply = server.send("POST", "/v1/media/uploads", body, token=owner.token)

    assert (reply.status, reply.json["errors"][0]["field"]) == (422, field)


def test_another_object_type_size_or_signature_is_refused_as_s3_does(
    server: Serving, owner: Person, folder: Path
) -> None:
    data = picture()
    upload, other = (signed(server, owner, size_bytes=len(data)) for _ in range(2))
    before = objects(folder)
    path = urlsplit(upload.url).path
    refused = {
        "other key": upload.put(data, url=upload.url.replace(path, urlsplit(other.url).path)),
        "other type": upload.put(data, Content_Type="image/png"),
        "no type": upload.put(data, Content_Type=""),
        "shorter": upload.put(data[:-1]),
        "longer": upload.put(data + b"x"),
        "over another": upload.put(data, If_None_Match="x"),
        "other signature": upload.put(data, url=upload.url[:-1] + "x"),
        "longer expiry": upload.put(data, url=upload.url.replace("Expires=900", "Expires=901")),
        "other method": server.send("GET", upload.url.partition(str(server.port))[2]),
    }

    codes = {name: (reply.status, s3_code(reply)) for name, reply in refused.items()}
    assert codes == dict.fromkeys(refused, (403, "SignatureDoesNotMatch"))
    # What a client before has left unfinished may have gone meanwhile.
    assert objects(folder) <= before
    assert upload.put(data).status == 200


def test_an_unsigned_or_foreign_request_is_refused_as_s3_does(
    server: Serving, owner: Person
) -> None:
    data = picture()
    upload = signed(server, owner, size_bytes=len(data))
    bare, _, query = upload.url.partition("?")
    unsigned = upload.put(data, url=bare + "?")
    foreign = upload.put(data, url=re.sub("Credential=[^%]+", "Credential=SOMEBODY", upload.url))
    without_date = upload.put(data, url=re.sub("X-Amz-Date=[^&]+&", "", upload.url))
    with_more = upload.put(data, x_amz_acl="public-read")

    assert (unsigned.status, s3_code(unsigned)) == (403, "AccessDenied")
    assert (foreign.status, s3_code(foreign)) == (403, "InvalidAccessKeyId")
    assert (without_date.status, s3_code(without_date)) == (
        400,
        "AuthorizationQueryParametersError",
    )
    assert (with_more.status, s3_code(with_more)) == (403, "AccessDenied")
    assert query


def test_an_upload_expires(program: Path, tmp_path: Path) -> None:
    data = picture()
    with serving(program, tmp_path / "data", "--upload-expiry", "1s") as server:
        ada = server.sign_up("ada")
        upload = signed(server, ada, size_bytes=len(data))
        time.sleep(2.1)

        reply = upload.put(data)

        assert (reply.status, s3_code(reply)) == (403, "AccessDenied")
        assert b"Request has expired" in reply.body
        assert post_media(server, ada, upload.media_url).status == 422


def test_bytes_of_another_type_are_not_kept(server: Serving, owner: Person, folder: Path) -> None:
    page = b"<!doctype html><script>alert(1)</script>" + b"x" * 400_000
    before = objects(folder)
    upload = signed(server, owner, size_bytes=len(page), content_type="video/mp4")

    reply = upload.put(page)

    assert (reply.status, s3_code(reply)) == (400, "InvalidRequest")
    assert objects(folder) == before
    assert post_media(server, owner, upload.media_url).status == 422


def test_an_upload_is_made_once(server: Serving, owner: Person) -> None:
    data, other = picture(), picture(kind="JPEG", side=3)
    upload = signed(server, owner, size_bytes=len(data))
    assert upload.put(data).status == 200

    again = upload.put(data)

    assert (again.status, s3_code(again)) == (412, "PreconditionFailed")
    assert other != data


def test_two_uploads_at_once_make_one_object(server: Serving, owner: Person) -> None:
    data = picture()
    upload = signed(server, owner, size_bytes=len(data))
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(upload.put(data).status)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 412, 412, 412]


@pytest.mark.parametrize(
    "text",
    [
        "https://cdn.example/a.jpg",
        "http://127.0.0.1:1/media/u/1/AAAAAAAAAAAAAAAAAAAAAA.jpg",
        "/media/u/1/AAAAAAAAAAAAAAAAAAAAAA.jpg",
        "/media/",
        "/media/../secret",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "x",
    ],
)
def test_only_what_was_uploaded_here_can_be_posted(
    server: Serving, owner: Person, text: str
) -> None:
    reply = post_media(server, owner, text)

    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "mediaUrl")


def test_nobody_posts_anothers_upload_nor_an_upload_that_has_not_come(
    server: Serving, owner: Person
) -> None:
    other = server.sign_up(f"{owner.user_id} other")
    theirs = uploaded(server, other)
    pending = signed(server, owner, size_bytes=10).media_url

    replies = [post_media(server, owner, each) for each in (theirs, pending, f"{theirs}x")]

    assert [(r.status, r.json["errors"][0]["field"]) for r in replies] == [(422, "mediaUrl")] * 3
    assert post_media(server, other, theirs).status == 201


def test_no_foreign_url_is_ever_asked_for(server: Serving, owner: Person) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.5)
        port = elsewhere.getsockname()[1]
        reply = post_media(server, owner, f"http://127.0.0.1:{port}/media/u/1/a.jpg")

        assert reply.status == 422
        with pytest.raises(TimeoutError):
            elsewhere.accept()


def test_the_public_url_is_never_that_of_a_header(server: Serving, owner: Person) -> None:
    body = {"userId": owner.user_id, "contentType": "image/jpeg", "sizeBytes": 10}
    told = server.send(
        "POST",
        "/v1/media/uploads",
        body,
        token=owner.token,
        headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"},
    ).json

    assert "evil" not in told["uploadUrl"] + told["mediaUrl"]


def test_urls_start_with_the_public_url(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data", "--public-url", "https://feed.example/") as server:
        ada = server.sign_up("ada")
        upload = signed(server, ada, size_bytes=10)

    assert upload.url.startswith("https://feed.example/storage/media/u/")
    assert upload.media_url.startswith("https://feed.example/media/u/")


def test_media_is_shown_where_the_server_listens_now(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data") as server:
        ada = server.sign_up("ada")
        post = post_media(server, ada, uploaded(server, ada)).json
        server.stop()
    with serving(program, tmp_path / "data") as again:
        shown = again.send("GET", f"/v1/posts/{post['postId']}", token=ada.token).json

        path = urlsplit(post["mediaUrl"]).path
        assert shown["mediaUrl"] == f"http://127.0.0.1:{again.port}{path}"
        assert as_posted(shown["media"]) == as_posted(post["media"])

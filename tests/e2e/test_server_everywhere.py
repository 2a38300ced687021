"""A server on every address of its machine: each client gets URLs that it reaches itself."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.serving import Person, Reply, Serving
from tests.e2e.uploads import Upload, picture, post_media
from tests.e2e.windows import chromium, window

PICTURE = picture()


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that was told no public URL."""
    folder = tmp_path_factory.mktemp("everywhere") / "data"
    command = [str(program), "serve", "--host", "0.0.0.0", "--port", "0", "--data", str(folder)]  # noqa: S104 - it is about that
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        told = line.partition("http://0.0.0.0:")[2].partition(" ")[0]
        assert told, line + process.stderr.read()
        try:
            yield Serving(process, int(told))
        finally:
            process.kill()


@pytest.fixture
def owner(server: Serving, request: pytest.FixtureRequest) -> Person:
    return server.sign_up(request.node.name[-60:])


def sign(server: Serving, owner: Person, host: str) -> Upload:
    body = {"userId": owner.user_id, "contentType": "image/jpeg", "sizeBytes": len(PICTURE)}
    told = server.send(
        "POST", "/v1/media/uploads", body, token=owner.token, headers={"Host": host}
    ).json
    return Upload(told["uploadUrl"], told["method"], told["headers"], told["mediaUrl"])


def read_feed(server: Serving, reader: Person, host: str) -> str:
    path = f"/v1/feeds/{reader.user_id}"
    reply = server.send("GET", path, token=reader.token, headers={"Host": host})
    return str(reply.json["items"][0]["mediaUrl"])


# 127.0.0.2 stands for the machine's address in its network.
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_uploads_and_media_are_at_the_address_that_the_client_has_called(
    server: Serving, owner: Person, name: str
) -> None:
    host = f"{name}:{server.port}"
    upload = sign(server, owner, host)
    stored = upload.put(PICTURE)
    body = {"userId": owner.user_id, "mediaUrl": upload.media_url}
    posted = server.send("POST", "/v1/posts", body, token=owner.token, headers={"Host": host})

    assert upload.url.startswith(f"http://{host}/storage/media/u/")
    assert stored.status == 200, stored.body
    assert posted.status == 201, posted.body
    assert posted.json["mediaUrl"] == upload.media_url
    assert upload.media_url.startswith(f"http://{host}/media/u/")


def test_each_reader_gets_the_urls_of_the_address_it_has_called_and_of_no_other(
    server: Serving, owner: Person
) -> None:
    reader = server.sign_up("reader of media")
    server.follow(reader, owner)
    upload = sign(server, owner, f"localhost:{server.port}")
    assert upload.put(PICTURE).status == 200
    path = upload.media_url.partition(f":{server.port}")[2]
    assert post_media(server, owner, path).status == 201

    urls = [
        read_feed(server, reader, f"{name}:{server.port}")
        for name in ("feed.example", "127.0.0.1", "localhost")
    ]

    assert urls == [
        f"http://{name}:{server.port}{path}" for name in ("feed.example", "127.0.0.1", "localhost")
    ]


@pytest.mark.parametrize(
    "host", ["", "a b", "a/b", "user@host", "a:99999999", "<script>", 'a"b', "a?b", "a#b", "ä"]
)
def test_what_is_no_plain_host_is_never_told_back(
    server: Serving, owner: Person, host: str
) -> None:
    body = {"userId": owner.user_id, "contentType": "image/jpeg", "sizeBytes": 100}
    told = server.send(
        "POST",
        "/v1/media/uploads",
        body,
        token=owner.token,
        headers={"Host": host.encode().decode("latin-1")},
    )

    assert told.status in {201, 400}
    if told.status == 201:
        assert told.json["mediaUrl"].startswith(f"http://0.0.0.0:{server.port}/media/u/")


def test_an_upload_signed_for_one_address_is_not_taken_at_another(
    server: Serving, owner: Person
) -> None:
    upload = sign(server, owner, f"localhost:{server.port}")
    elsewhere = upload.url.replace("localhost", "127.0.0.1")

    assert upload.put(PICTURE, url=elsewhere).status == 403


def test_the_page_may_reach_its_own_address_and_is_told_no_other(server: Serving) -> None:
    reply: Reply = server.send("GET", "/", headers={"Host": f"localhost:{server.port}"})

    assert reply.status == 200
    policy = reply.headers["Content-Security-Policy"]
    assert "connect-src 'self';" in policy
    assert "img-src 'self' blob:;" in policy
    assert "0.0.0.0" not in policy  # noqa: S104 - nothing is bound here


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_a_picture_is_posted_and_seen_on_the_page_at_any_of_the_addresses(
    server: Serving, tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg").write_bytes(PICTURE)
    with chromium() as browser:
        ada = window(browser, f"http://127.0.0.2:{server.port}/")
        ada.sign_up("Ada on the network")
        ada.page.locator(".composer input[type=file]").set_input_files(tmp_path / "photo.jpg")
        ada.page.get_by_text("Ready to be posted.").wait_for()
        ada.write("From the other machine")

        ada.page.wait_for_function(
            "() => document.querySelector('.post .media img')?.naturalWidth > 0"
        )

        ada.expect_calm()

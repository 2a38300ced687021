"""A deleted post takes its picture with it, unless another post shows it."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.serving import Person, Serving, serving
from tests.e2e.sockets import eventually
from tests.e2e.uploads import post_media, uploaded


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def server(program: Path, folder: Path) -> Iterator[Serving]:
    with serving(program, folder) as started:
        yield started


def status(server: Serving, url: str) -> int:
    return server.send("GET", urlsplit(url).path).status


def delete(server: Serving, owner: Person, post_id: str) -> None:
    assert server.send("DELETE", f"/v1/posts/{post_id}", token=owner.token).status == 204


def objects(folder: Path) -> list[Path]:
    return [path for path in (folder / "storage").rglob("*") if path.is_file()]


def test_a_picture_goes_with_the_last_post_that_shows_it(server: Serving, folder: Path) -> None:
    ada = server.sign_up("ada")
    url = uploaded(server, ada)
    posts = [post_media(server, ada, url).json["postId"] for _ in range(2)]
    path = f"/v1/posts/{posts[0]}"

    def is_ready() -> bool:
        shown = server.send("GET", path, token=ada.token).json
        return bool(shown["media"]["state"] == "ready")

    eventually(is_ready, within_s=30)
    [rendition, *_] = [file for file in objects(folder) if "/r/" in str(file)]
    key = str(rendition.relative_to(folder / "storage" / "media")).rstrip(",")
    for each in (url, f"/media/{key}"):
        assert status(server, each) == 200

    delete(server, ada, posts[0])
    assert status(server, url) == 200
    delete(server, ada, posts[1])

    for each in (url, f"/media/{key}"):
        eventually(lambda each=each: status(server, each) == 404, within_s=5)  # type: ignore[misc]
    eventually(lambda: objects(folder) == [], within_s=5)
    assert post_media(server, ada, url).status == 422

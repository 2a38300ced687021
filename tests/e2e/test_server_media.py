"""Media through the server's front door: from the upload to what a client gets to see."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.e2e.serving import Person, Serving, serving
from tests.e2e.sockets import answers, eventually, metric
from tests.e2e.uploads import get, path_of, post_media, settled, shown, size, uploaded
from tests.unit.server.pictures import (
    SECRET,
    TOP,
    noise,
    photo_with_a_place,
    png_bomb,
    two_halves,
)

CHROMIUM = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(program, tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def owner(server: Serving) -> Person:
    return server.sign_up("ann")


def png(tmp_path: Path, *, width: int = 1_400) -> bytes:
    two_halves(width, width // 2).save(tmp_path / "a.png")
    return (tmp_path / "a.png").read_bytes()


@pytest.fixture(scope="module")
def picture(
    server: Serving, owner: Person, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    return shown(server, owner, png(tmp_path_factory.mktemp("picture")))


def test_a_post_shows_its_original_at_once_and_its_renditions_at_the_next_read(
    server: Serving, owner: Person, tmp_path: Path
) -> None:
    data = png(tmp_path)
    media_url = uploaded(server, owner, data, content_type="image/png")
    posted = post_media(server, owner, media_url).json

    at_once = server.send("GET", path_of(media_url))
    ready = settled(server, posted, owner)
    later = server.send("GET", path_of(media_url))

    # On a machine that is quick the renditions may be there already.
    if at_once.headers["Cache-Control"] == "no-cache":
        assert at_once.body == data
    assert ready["media"] == {"kind": "image", "width": 1_400, "height": 700, "state": "ready"}
    assert later.headers["Cache-Control"] == FOR_EVER
    assert size(tmp_path, later) == (1_080, 540)


def test_readers_feeds_show_that_it_is_ready(
    server: Serving, owner: Person, tmp_path: Path
) -> None:
    reader = server.sign_up("reader")
    server.follow(reader, owner)
    post = shown(server, owner, png(tmp_path, width=500))

    eventually(
        lambda: (
            [
                item["media"]["state"]
                for item in server.feed(reader)
                if item["postId"] == post["postId"]
            ]
            == ["ready"]
        ),
        within_s=5,
    )


@pytest.mark.parametrize(
    ("query", "headers", "wanted"),
    [
        ("", {}, (1_080, 540)),
        ("?w=200", {}, (320, 160)),
        ("?w=321", {"Accept": CHROMIUM}, (640, 320)),
        ("?w=1400", {"Accept": CHROMIUM}, (1_400, 700)),
        ("", {"ECT": "4g", "Accept": CHROMIUM}, (1_080, 540)),
        ("", {"ECT": "3g", "Accept": CHROMIUM}, (640, 320)),
        ("", {"ECT": "slow-2g"}, (320, 160)),
        ("", {"Save-Data": "on"}, (320, 160)),
        ("", {"Downlink": "0.3"}, (640, 320)),
        ("", {"Sec-CH-Viewport-Width": "600", "DPR": "2"}, (1_400, 700)),
    ],
)
def test_the_rendition_fits_the_client(
    server: Serving,
    picture: dict[str, Any],
    tmp_path: Path,
    *,
    query: str,
    headers: dict[str, str],
    wanted: tuple[int, int],
) -> None:
    reply = server.send("GET", path_of(picture["mediaUrl"]) + query, headers=headers)

    assert size(tmp_path, reply) == wanted
    kind = "webp" if "Accept" in headers else "jpeg"
    assert reply.headers["Content-Type"] == f"image/{kind}"
    varies = reply.headers["Vary"].split(", ")
    assert {"Accept", "Save-Data", "ECT", "Downlink"} <= set(varies)
    assert ("DPR" in varies) == (not query)


def test_what_is_seen_again_comes_from_the_cache(server: Serving, picture: dict[str, Any]) -> None:
    get(server, picture, "?w=640")

    again = get(server, picture, "?w=640")

    assert (again.headers["X-Cache"], int(again.headers["Age"]) >= 0) == ("HIT", True)
    assert metric(server, 'socialfeed_cache_hits_total{box="cdn"}') >= 1
    assert metric(server, 'socialfeed_cache_misses_total{box="cdn"}') >= 1
    assert metric(server, 'socialfeed_cdn_cached_bytes{box="cdn"}') >= len(again.body)
    assert metric(server, 'socialfeed_cdn_sent_bytes_total{box="cdn"}') >= 2 * len(again.body)


def test_a_file_of_a_stranger_runs_nothing(server: Serving, picture: dict[str, Any]) -> None:
    headers = get(server, picture).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_head_tells_what_get_would(server: Serving, picture: dict[str, Any]) -> None:
    whole = get(server, picture)

    head = server.send("HEAD", path_of(picture["mediaUrl"]))

    assert (head.status, head.body) == (200, b"")
    assert head.headers["X-Cache"] == "HIT"
    for name in ("Content-Length", "Content-Type", "ETag", "Vary", "Cache-Control"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize("known", ['"other", {etag}', "W/{etag}", "*"])
def test_what_the_client_has_is_not_sent_again(
    server: Serving, picture: dict[str, Any], known: str
) -> None:
    whole = get(server, picture)

    reply = get(server, picture, If_None_Match=known.format(etag=whole.headers["ETag"]))

    assert (reply.status, reply.body) == (304, b"")
    for name in ("ETag", "Vary", "Cache-Control"):
        assert reply.headers[name] == whole.headers[name]


@pytest.mark.parametrize("header", ["If-Match", "If-Unmodified-Since"])
def test_only_the_version_that_is_expected_is_sent(
    server: Serving, picture: dict[str, Any], header: str
) -> None:
    tag = get(server, picture).headers["ETag"]
    wanted, other = {
        "If-Match": (tag, '"x"'),
        "If-Unmodified-Since": ("Fri, 31 Dec 2100 23:59:59 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"),
    }[header]

    refused = server.send("GET", path_of(picture["mediaUrl"]), headers={header: other})

    assert refused.status == 412
    assert refused.headers["Content-Type"] == "application/problem+json"
    again = server.send("GET", path_of(picture["mediaUrl"]), headers={header: wanted})
    assert again.status == 200


def test_another_version_is_sent(server: Serving, picture: dict[str, Any]) -> None:
    assert get(server, picture, If_None_Match='"other"').status == 200


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=10-19", 10, 19), ("bytes=-5", -5, -1), ("bytes=100-", 100, -1)],
)
def test_a_range_is_that_part(
    server: Serving, picture: dict[str, Any], *, asked: str, first: int, last: int
) -> None:
    whole = get(server, picture).body
    first, last = first % len(whole), last % len(whole)

    reply = get(server, picture, Range=asked)

    assert (reply.status, reply.body) == (206, whole[first : last + 1])
    assert reply.headers["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"


def test_a_range_past_the_end_ends_there(server: Serving, picture: dict[str, Any]) -> None:
    whole = get(server, picture).body

    assert get(server, picture, Range=f"bytes=5-{len(whole) + 9}").body == whole[5:]


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_satisfied(
    server: Serving, picture: dict[str, Any], asked: str
) -> None:
    whole = get(server, picture).body

    reply = get(server, picture, Range=asked)

    assert reply.status == 416
    assert reply.headers["Content-Range"] == f"bytes */{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=", "bytes=-", "bytes=5-2", "lines=1-2", "bytes=0-1,4-5"])
def test_what_is_no_single_range_is_answered_whole(
    server: Serving, picture: dict[str, Any], asked: str
) -> None:
    whole = get(server, picture).body

    reply = get(server, picture, Range=asked)

    assert (reply.status, reply.body) == (200, whole)


def test_a_range_of_another_version_is_answered_whole(
    server: Serving, picture: dict[str, Any]
) -> None:
    whole = get(server, picture)

    same = get(server, picture, Range="bytes=0-4", If_Range=whole.headers["ETag"])
    other = get(server, picture, Range="bytes=0-4", If_Range='"other"')

    assert (same.status, other.status) == (206, 200)


@pytest.mark.parametrize("w", ["0", "x", "999999"])
def test_a_width_that_is_none_is_refused(server: Serving, picture: dict[str, Any], w: str) -> None:
    reply = get(server, picture, f"?w={w}")

    assert reply.status == 422
    assert reply.json["errors"][0]["field"] == "w"


@pytest.mark.parametrize(
    "path",
    [
        "/media/u/1/none.png",
        "/media/r/none/320.webp",
        "/media/r/../../secret",
        "/media/r/%2e%2e/%2e%2e/secret",
        "/media/secret",
        "/media/",
        f"/media/r/{'a' * 300}",
        f"/media/u/1/{'a' * 250}.png",
        f"/media/u/{'a/' * 300}b",
    ],
)
def test_there_is_nothing_else(server: Serving, path: str) -> None:
    assert server.send("GET", path).status == 404


def test_a_photo_is_shown_upright_without_its_place(
    server: Serving, owner: Person, tmp_path: Path
) -> None:
    photo_with_a_place(tmp_path / "a.jpg")
    post = shown(server, owner, (tmp_path / "a.jpg").read_bytes(), "image/jpeg")

    reply = get(server, post)

    assert size(tmp_path, reply) == (600, 800)
    assert SECRET not in reply.body
    with Image.open(tmp_path / "got") as picture:
        found = picture.convert("RGB").getpixel((595, 400))
    assert isinstance(found, tuple)
    assert all(abs(one - other) < 30 for one, other in zip(found, TOP, strict=True))


def test_a_photo_tells_no_place_while_it_waits_nor_when_it_fails(
    server: Serving, owner: Person, tmp_path: Path
) -> None:
    photo_with_a_place(tmp_path / "a.jpg")
    photo = (tmp_path / "a.jpg").read_bytes()
    media_url = uploaded(server, owner, photo)
    at_once = server.send("GET", path_of(media_url))
    # Its header announces more pixels than anybody renders.
    frame = photo.index(b"\xff\xc0")
    too_large = photo[: frame + 5] + b"\xff\xf0\xff\xf0" + photo[frame + 9 :]
    failed = shown(server, owner, too_large, "image/jpeg")

    assert failed["media"]["state"] == "failed"
    for reply in (at_once, get(server, failed), get(server, failed, "?as=original")):
        assert reply.status == 200
        assert SECRET not in reply.body


def test_a_bomb_fails_with_its_reason_and_the_server_goes_on(
    server: Serving, owner: Person, tmp_path: Path
) -> None:
    bomb = png_bomb()
    post = shown(server, owner, bomb)

    assert post["media"]["state"] == "failed"
    assert re.fullmatch(r"more than [\d,]+ pixels(; found [\d,]+)?", post["media"]["failure"])
    # Shown as it came, with the chunks that nobody needs to see it: there are none in it.
    assert get(server, post).body == bomb
    assert metric(server, 'socialfeed_dead_letters_total{box="media_processor"}') >= 1
    assert shown(server, owner, png(tmp_path, width=50))["media"]["state"] == "ready"


def test_a_picture_has_no_source_but_its_own_url(picture: dict[str, Any]) -> None:
    assert "source" not in picture["media"]


def test_clients_that_go_away_in_the_middle_are_no_failure(
    server: Serving, owner: Person, tmp_path: Path
) -> None:
    noise(np.random.default_rng(4), 1_500, 1_200).save(tmp_path / "a.jpg", quality=95)
    post = shown(server, owner, (tmp_path / "a.jpg").read_bytes(), "image/jpeg")
    path = path_of(post["mediaUrl"]) + "?w=1500"
    before = answers(server, "GET", "/media/{key}", 500)

    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            client.recv(1_000)

    whole = server.send("GET", path)
    assert len(whole.body) > 1_048_576
    assert int(whole.headers["Content-Length"]) == len(whole.body)
    assert size(tmp_path, whole) == (1_500, 1_200)
    assert answers(server, "GET", "/media/{key}", 500) == before

"""Videos through the server's front door: from the upload to what a player gets."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from tests.e2e.serving import Person, Reply, Serving, serving
from tests.e2e.sockets import eventually, metric
from tests.e2e.uploads import get, path_of, post_media, settled, shown, size, uploaded
from tests.unit.server.pictures import (
    SECRET,
    clip,
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


@pytest.fixture(scope="module")
def film(
    server: Serving, owner: Person, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    clip(path, size="1280x720", seconds=6)
    return shown(server, owner, path.read_bytes(), "video/mp4")


def test_a_video_tells_no_place_while_it_waits_nor_when_it_fails(
    program: Path, tmp_path: Path
) -> None:
    clip(tmp_path / "a.mov", size="4096x2320")
    with serving(program, tmp_path / "data") as server:
        owner = server.sign_up("ann")
        content = (tmp_path / "a.mov").read_bytes()
        media_url = uploaded(server, owner, content, content_type="video/quicktime")
        at_once = server.send("GET", path_of(media_url))
        posted = post_media(server, owner, media_url).json
        failed = settled(server, posted, owner)

        assert SECRET in content
        assert failed["media"]["state"] == "failed"
        for reply in (at_once, get(server, failed)):
            assert (reply.status, len(reply.body)) == (200, len(content))
            assert SECRET not in reply.body


def test_a_video_plays_from_its_playlist(server: Serving, film: dict[str, Any]) -> None:
    media = film["media"]
    assert (media["kind"], media["width"], media["height"]) == ("video", 1_280, 720)

    command = [get_ffmpeg_exe(), "-nostdin", "-threads", "1", "-v", "error", "-xerror"]
    played = subprocess.run(
        [*command, "-i", media["playlist"], "-map", "0", "-f", "null", "-"],
        capture_output=True,
        check=False,
    )

    assert (played.returncode, played.stderr) == (0, b"")
    playlist = server.send("GET", path_of(media["playlist"]))
    assert playlist.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert playlist.headers["Cache-Control"] == FOR_EVER
    assert playlist.body.startswith(b"#EXTM3U")


def test_a_video_has_a_poster(server: Serving, film: dict[str, Any], tmp_path: Path) -> None:
    assert size(tmp_path, server.send("GET", path_of(film["media"]["poster"]))) == (640, 360)


@pytest.mark.parametrize(("headers", "height"), [({}, 720), ({"ECT": "2g"}, 240)])
def test_a_player_without_playlists_gets_a_file_that_fits_and_can_be_sought_in(
    server: Serving, film: dict[str, Any], *, headers: dict[str, str], height: int, tmp_path: Path
) -> None:
    whole = server.send("GET", path_of(film["mediaUrl"]), headers=headers)
    led = server.send(
        "GET", path_of(film["mediaUrl"]), headers=headers | {"Range": "bytes=1000-4999"}
    )
    part = server.send("GET", led_to(film["mediaUrl"], led), headers={"Range": "bytes=1000-4999"})

    assert whole.headers["Content-Type"] == "video/mp4"
    assert "Accept" not in whole.headers["Vary"].split(", ")
    assert (part.status, part.body) == (206, whole.body[1_000:5_000])
    (tmp_path / "a.mp4").write_bytes(whole.body)
    told = subprocess.run(
        [get_ffmpeg_exe(), "-i", str(tmp_path / "a.mp4")], capture_output=True, check=False
    ).stderr.decode()
    assert f"x{height}" in told
    assert "Duration: 00:00:06" in told
    assert SECRET.decode() not in told


def led_to(url: str, reply: Reply) -> str:
    """Where a client goes on with the parts of a file, as a path with its query."""
    assert (reply.status, reply.body) == (302, b"")
    assert reply.headers["Cache-Control"] == "no-cache"
    parts = urlsplit(urljoin(url, reply.headers["Location"]))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def test_a_video_plays_on_when_its_renditions_get_ready(
    server: Serving, owner: Person, tmp_path: Path
) -> None:
    clip(tmp_path / "a.webm", size="640x480", seconds=4)
    content = (tmp_path / "a.webm").read_bytes()
    media_url = uploaded(server, owner, content, content_type="video/webm")
    posted = post_media(server, owner, media_url).json
    source = posted["media"]["source"]
    led = server.send("GET", path_of(media_url), headers={"Range": "bytes=0-"})

    def part(path: str, first: int, **headers: str) -> Reply:
        asked = {"Range": f"bytes={first}-{first + 999}", **headers}
        return server.send("GET", path, headers=asked)

    before = part(f"{path_of(source)}?as=original", 0)
    ready = settled(server, posted, owner)
    after = part(f"{path_of(source)}?as=original", 1_000, ECT="2g")

    assert source == f"{media_url}?as=original"
    assert led_to(media_url, led) == f"{path_of(source)}?as=original"
    assert (before.status, after.status) == (206, 206)
    assert before.headers["ETag"] == after.headers["ETag"]
    assert before.headers["Content-Range"] == f"bytes 0-999/{len(content)}"
    assert after.headers["Content-Range"] == f"bytes 1000-1999/{len(content)}"
    assert after.headers["Cache-Control"] == FOR_EVER
    # From now on it is the rendition's own file, whatever the client says of itself.
    largest = ready["media"]["source"]
    assert path_of(largest).startswith("/media/r/")
    assert largest.endswith("/480p.mp4")
    sizes = {
        part(path_of(largest), 0, ECT=ect).headers["Content-Range"].partition("/")[2]
        for ect in ("4g", "2g")
    }
    assert len(sizes) == 1
    slow = server.send("GET", path_of(media_url), headers={"Range": "bytes=0-", "ECT": "2g"})
    assert led_to(media_url, slow).endswith("/240p.mp4")


def test_a_video_larger_than_the_cache_is_sent_whole(program: Path, tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4", size="640x480", seconds=2)
    with serving(program, tmp_path / "data", "--cdn-cache", "1KB") as server:
        owner = server.sign_up("ann")
        post = shown(server, owner, (tmp_path / "a.mp4").read_bytes(), "video/mp4")
        replies = [get(server, post) for _ in range(2)]

        assert [reply.headers["X-Cache"] for reply in replies] == ["MISS", "MISS"]
        assert replies[0].body == replies[1].body
        assert metric(server, 'socialfeed_cdn_cached_bytes{box="cdn"}') <= 1_000


def test_renditions_that_were_not_made_before_a_crash_are_made_after_it(
    program: Path, tmp_path: Path
) -> None:
    clip(tmp_path / "a.mp4", size="1280x720", seconds=8)
    with serving(program, tmp_path / "data") as server:
        owner = server.sign_up("ann")
        media_url = uploaded(
            server, owner, (tmp_path / "a.mp4").read_bytes(), content_type="video/mp4"
        )
        post = post_media(server, owner, media_url).json
        time.sleep(1)
        assert rendering(tmp_path)
        server.process.kill()
        server.process.wait()
        eventually(lambda: not rendering(tmp_path), within_s=5)
    with serving(program, tmp_path / "data") as server:
        ready = settled(server, post, owner)
        assert ready["media"]["state"] == "ready"
        left = list((tmp_path / "data" / "scratch").rglob("*"))

    assert not left, json.dumps([str(each) for each in left])


def rendering(folder: Path) -> list[str]:
    """Return the programs that are at work on files below a folder."""
    commands = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                commands.append((process / "cmdline").read_bytes().decode(errors="replace"))
    return [command for command in commands if str(folder / "data" / "scratch") in command]

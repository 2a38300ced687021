"""A data folder that cannot be written: told when the server starts, survived while it runs."""

import json
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.program import RunProgram
from tests.e2e.serving import Person, Reply, Serving, serving
from tests.e2e.sockets import answers, eventually
from tests.e2e.uploads import picture, post_media, s3_code, signed
from tests.small_disk import fill, mounted

DISK_BYTES = 4 * 1024**2
TEXT = "x" * 50_000
# The server looks once a second whether there is room again.
RECOVERS_WITHIN_S = 5.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    with mounted(tmp_path / "disk", size_bytes=DISK_BYTES) as folder:
        yield folder


def post(server: Serving, author: Person) -> Reply:
    body = {"userId": author.user_id, "text": TEXT}
    return server.send("POST", "/v1/posts", body, token=author.token)


def stored_posts(server: Serving, author: Person) -> list[str]:
    reply = server.send("GET", f"/v1/users/{author.user_id}/posts?limit=100", token=author.token)
    assert reply.status == 200, reply.body
    return [item["postId"] for item in reply.json["items"]][::-1]


def is_ready(server: Serving) -> bool:
    return server.send("GET", "/readyz").status == 200


def expect_survival(
    server: Serving, *, break_it: Callable[[], object], mend_it: Callable[[], object]
) -> None:
    """Writes fail with 503 while the store is broken, reads go on, and all is well afterwards."""
    author, reader = server.sign_up("ada"), server.sign_up("eve")
    server.follow(reader, author)
    confirmed = [server.post(author, "before")]
    eventually(lambda: len(server.feed(reader)) == 1, within_s=5)
    break_it()
    replies = []
    while (reply := post(server, author)).status == 201:
        confirmed.append(reply.json["postId"])
    replies += [reply, post(server, author)]

    for reply in replies:
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
        assert reply.headers["Content-Type"] == "application/problem+json"
    ready = server.send("GET", "/readyz")
    assert (ready.status, json.loads(ready.body)) == (503, {"status": "store failing"})
    assert server.send("GET", "/livez").status == 200
    assert stored_posts(server, author) == confirmed
    assert answers(server, "POST", "/v1/posts", 503) == len(replies)

    mend_it()
    eventually(lambda: is_ready(server), within_s=RECOVERS_WITHIN_S)
    confirmed.append(server.post(author, "after"))
    assert stored_posts(server, author) == confirmed
    # What was confirmed before and after is delivered, too.
    eventually(
        lambda: [item["postId"] for item in server.feed(reader)] == confirmed[::-1], within_s=5
    )


def expect_sound(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "socialfeed.sqlite3")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_is_503_until_there_is_room_again(program: Path, disk: Path) -> None:
    with serving(program, disk / "data") as server:
        expect_survival(server, break_it=lambda: fill(disk), mend_it=(disk / "filler").unlink)
        assert server.stop() == 0

    expect_sound(disk / "data")


def test_an_upload_to_a_full_disk_is_503_and_leaves_nothing(program: Path, disk: Path) -> None:
    storage = disk / "data" / "storage"
    with serving(program, disk / "data") as server:
        ada = server.sign_up("ada")
        data = picture()
        small = signed(server, ada, size_bytes=len(data))
        video = b"\x00\x00\x00\x20ftypisom" + b"x" * 8_000_000
        large = signed(server, ada, size_bytes=len(video), content_type="video/mp4")

        # The disk has 4 MB.
        replies = [large.put(video)]
        filler = fill(disk)
        replies.append(small.put(data))

        for reply in replies:
            assert (reply.status, s3_code(reply)) == (503, "ServiceUnavailable")
            assert reply.headers["Retry-After"] == "1"
        assert [path for path in storage.rglob("*") if path.is_file()] == []
        filler.unlink()
        eventually(lambda: is_ready(server), within_s=RECOVERS_WITHIN_S)
        assert small.put(data).status == 200
        assert post_media(server, ada, small.media_url).status == 201


def test_a_disk_that_takes_no_write_is_503_until_it_does_again(
    program: Path, tmp_path: Path
) -> None:
    # To the program, what a disk that has become read-only is: every write fails.
    with serving(program, tmp_path / "data") as server:
        pid, unlimited = server.process.pid, resource.RLIM_INFINITY
        expect_survival(
            server,
            break_it=lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, unlimited)),
            mend_it=lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (unlimited, unlimited)),
        )
        assert server.stop() == 0

    expect_sound(tmp_path / "data")


@pytest.mark.parametrize("has_data", [False, True])
def test_a_read_only_folder_is_refused_at_the_start(
    program: Path, run_socialfeed: RunProgram, disk: Path, *, has_data: bool
) -> None:
    if has_data:
        with serving(program, disk) as server:
            server.stop()
    before = sorted(disk.iterdir())
    subprocess.run([str(shutil.which("mount")), "-o", "remount,ro", str(disk)], check=True)

    done = run_socialfeed("serve", "--port", "0", "--data", str(disk))

    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: cannot keep data in {disk}: Read-only file system")
    assert done.stderr.count("\n") == 1
    assert sorted(disk.iterdir()) == before


def test_a_full_disk_at_the_start_is_one_message_and_passes(
    program: Path, run_socialfeed: RunProgram, disk: Path
) -> None:
    filler = fill(disk)

    done = run_socialfeed("serve", "--port", "0", "--data", str(disk / "data"))

    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1
    filler.unlink()
    with serving(program, disk / "data") as server:
        server.sign_up("ada")

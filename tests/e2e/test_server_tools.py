"""`socialfeed populate` and `socialfeed dead-letters`, together with a server."""

import fcntl
import json
import os
import pty
import re
import sqlite3
import struct
import subprocess
import termios
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.program import RunProgram
from tests.e2e.serving import Person, serving

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
POISON = (
    "INSERT INTO events (queue, kind, user_id, subject_id, queued_at_ms)"
    " VALUES ('feed_generator', 'poison', 1, 2, 0)"
)


def test_a_populated_folder_can_be_served(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    folder = tmp_path / "world"
    done = run_socialfeed("populate", "--users", "300", "--days", "10", "--data", str(folder))
    assert done.returncode == 0, done.stderr

    with sqlite3.connect(folder / "socialfeed.sqlite3") as database:
        reader, followees = database.execute(
            "SELECT user_id, followees FROM users ORDER BY followees DESC LIMIT 1"
        ).fetchone()
        expected = database.execute(
            "SELECT post_id FROM posts JOIN follows ON followee_id = author_id"
            " WHERE follower_id = ? ORDER BY post_id DESC",
            (reader,),
        ).fetchall()
    database.close()
    with serving(program, folder, "--open") as server:
        feed = server.feed(Person(str(reader), ""))
        user = server.send("GET", f"/v1/users/{reader}").json

    assert [int(item["postId"]) for item in feed] == [row[0] for row in expected]
    assert user["followeeCount"] == followees > 0


def test_a_folder_with_users_is_not_populated(run_socialfeed: RunProgram, tmp_path: Path) -> None:
    arguments = ["populate", "--users", "10", "--data", str(tmp_path / "world")]
    run_socialfeed(*arguments)

    done = run_socialfeed(*arguments)

    assert done.returncode == 2
    assert "there are users in" in done.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--days", "inf"),
        ("--days", "1e9"),
        ("--users", "1T"),
        ("--manifest", "nowhere/world.npz"),
        ("--manifest", "."),
    ],
)
def test_a_world_that_cannot_be_is_refused_before_anything_is_made(
    run_socialfeed: RunProgram, tmp_path: Path, option: str, value: str
) -> None:
    done = run_socialfeed("populate", option, value, "--data", "world")

    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {option}: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_populate_tells_what_it_is_doing_where_no_bar_can_be_shown(
    run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    told = run_socialfeed(
        *("populate", "--users", "50", "--data", str(tmp_path / "world"), "--feeds", "push")
    ).stderr.splitlines()

    assert told[0] == "populate: drawing"
    assert told[1].startswith("populate: writing")
    assert told[2:4] == ["populate: indexing", "populate: building feeds"]


def test_a_folder_in_use_is_refused_before_a_world_is_drawn(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    with serving(program, tmp_path / "data"):
        manifest = tmp_path / "world.npz"
        done = run_socialfeed("populate", "--data", tmp_path / "data", "--manifest", manifest)

    assert done.returncode == 2
    assert "is in use" in done.stderr
    assert "drawing" not in done.stderr
    assert not manifest.exists()


def test_a_narrow_terminal_shows_the_whole_figures_of_a_bar(program: Path, tmp_path: Path) -> None:
    end, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    environment = {"TERM": "xterm", "PATH": "/usr/bin:/bin"}
    folder = str(tmp_path / "world")
    command = [str(program), "populate", "--users", "400", "--data", folder]
    with subprocess.Popen(command, stderr=terminal, env=environment) as process:
        os.close(terminal)
        shown = b""
        with suppress(OSError):  # the other end is closed
            while part := os.read(end, 65_536):
                shown += part
    os.close(end)

    assert process.returncode == 0
    lines = [ANSI.sub("", line) for line in re.split("[\r\n]", shown.decode())]
    assert any(re.search(r"writing.* \d+/\d+ +0:00:\d\d", line) for line in lines), lines


def test_poison_goes_to_the_dead_letters_and_stops_nobody(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with serving(program, folder) as server:
        author, reader = server.sign_up("author"), server.sign_up("reader")
        server.follow(reader, author)
        with sqlite3.connect(folder / "socialfeed.sqlite3") as database:
            database.execute(POISON)
        database.close()
        post = server.post(author, "after the poison")
        deadline = time.monotonic() + 20
        while 'socialfeed_dead_letters{box="feed_generator"} 1' not in (
            server.send("GET", "/metrics").body.decode()
        ):
            assert time.monotonic() < deadline
            time.sleep(0.1)

        assert [item["postId"] for item in server.feed(reader)] == [post]
    listed = json.loads(run_socialfeed("dead-letters", "list", "--json", "--data", folder).stdout)
    [letter] = listed["dead_letters"]
    assert letter["event"]["kind"] == "poison"
    assert "no flow for an event of kind 'poison'" in letter["reason"]
    assert run_socialfeed("dead-letters", "replay", "--data", folder).stdout == "1 replayed\n"
    assert run_socialfeed("dead-letters", "list", "--data", folder).stdout == ""


def test_dead_letters_of_no_server_are_an_error(run_socialfeed: RunProgram) -> None:
    done = run_socialfeed("dead-letters", "list", "--data", "nowhere")

    assert done.returncode == 2
    assert "no server has kept data there" in done.stderr


@pytest.mark.parametrize("threshold", [10_000, 60])
def test_feeds_that_are_populated_are_those_that_the_server_would_build(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path, threshold: int
) -> None:
    manifest = tmp_path / "world.npz"
    hybrid = ("--push-threshold", str(threshold))
    done = run_socialfeed(
        *("populate", "--users", "200", "--days", "60", "--data", str(tmp_path / "world")),
        *("--feeds", "hybrid", *hybrid, "--manifest", str(manifest)),
    )
    assert done.returncode == 0, done.stderr
    with np.load(manifest) as world:
        readers = [
            Person(str(user), str(token))
            for user, token in zip(world["user_ids"][:8], world["tokens"][:8], strict=True)
        ]
        assert len(world["post_ids"]) > 800

    with serving(program, tmp_path / "world", "--fanout", "hybrid", *hybrid) as server:
        prepared = [[item["postId"] for item in server.feed(reader)] for reader in readers]
        server.stop()
    # The pull design has no feeds: every page is made from the posts.
    with serving(program, tmp_path / "world", "--fanout", "pull") as server:
        pulled = [[item["postId"] for item in server.feed(reader)] for reader in readers]

    assert prepared == pulled
    assert all(prepared)
    assert manifest.stat().st_mode & 0o077 == 0

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
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.program import RunProgram
from tests.e2e.serving import Person, serving
from tests.e2e.sockets import eventually

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
    told = done.stderr.splitlines()[-1]
    assert told.startswith((f"Error: {option}: ", f"Error: Invalid value for '{option}': "))
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
    assert any(re.search(r"ing .* \d+/\d+ +0:00:\d\d", line) for line in lines), lines


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
    assert letter["reason"] == "UnreadableEventError: kind cannot be the text 'poison'"
    unknown = run_socialfeed("dead-letters", "replay", "98", "99", "--data", folder)
    assert (unknown.returncode, unknown.stdout) == (2, "0 replayed\n")
    assert "found no dead letter 98, 99;" in unknown.stderr
    assert run_socialfeed("dead-letters", "replay", "--data", folder).stdout == "1 replayed\n"
    none = run_socialfeed("dead-letters", "list", "--data", folder)
    assert (none.returncode, none.stdout) == (0, "")
    assert none.stderr == "there are no dead letters\n"


@pytest.mark.parametrize("command", ["list", "replay"])
def test_dead_letters_of_a_file_that_cannot_be_opened_are_refused_in_a_line(
    run_socialfeed: RunProgram, tmp_path: Path, command: str
) -> None:
    (tmp_path / "socialfeed.sqlite3").mkdir()

    # What a thread prints that is still running at the end comes now and then.
    for _ in range(3):
        done = run_socialfeed("dead-letters", command, "--data", str(tmp_path))

        assert done.returncode == 2
        assert "unable to open database file" in done.stderr
        assert done.stderr.count("\n") == 1


LETTER = (
    "INSERT INTO dead_letters (queue, kind, user_id, subject_id, reason, buried_at_ms)"
    " VALUES ('feed_generator', 'unfollowed', 1, ?, 'a bug', 1)"
)


@contextmanager
def folder_of_a_server(program: Path, folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the database that a server has made and left."""
    with serving(program, folder) as server:
        server.stop()
    with closing(sqlite3.connect(folder / "socialfeed.sqlite3")) as database:
        yield database


def test_all_dead_letters_are_listed_and_replayed_however_many(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with folder_of_a_server(program, folder) as database, database:
        database.executemany(LETTER, ((number,) for number in range(10_001)))

    listed = run_socialfeed("dead-letters", "list", "--data", str(folder)).stdout.splitlines()
    assert len(listed) == 10_001
    replayed = run_socialfeed("dead-letters", "replay", "--data", str(folder))
    assert replayed.stdout == "10001 replayed\n"
    assert run_socialfeed("dead-letters", "list", "--data", str(folder)).stdout == ""


def test_a_dead_letter_is_one_line_that_steers_no_terminal(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with folder_of_a_server(program, folder) as database, database:
        database.execute(LETTER, (1,))
        database.execute("UPDATE dead_letters SET kind = 'x' || char(27) || '[31m' || char(10)")

    listed = run_socialfeed("dead-letters", "list", "--data", str(folder)).stdout

    assert listed.count("\n") == 1
    assert r"x\x1b[31m\n by" in listed


def test_dead_letters_of_an_older_schema_are_left_as_they_are(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with folder_of_a_server(program, folder) as database:
        database.execute("PRAGMA user_version = 1")
        for command in ("list", "replay"):
            done = run_socialfeed("dead-letters", command, "--data", str(folder))

            assert done.returncode == 2
            assert "has schema version 1" in done.stderr
        assert database.execute("PRAGMA user_version").fetchone() == (1,)


def test_dead_letters_that_another_program_has_locked_are_one_clear_message(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with folder_of_a_server(program, folder) as database:
        database.execute(LETTER, (1,))
        database.commit()
        database.execute("BEGIN EXCLUSIVE")
        done = run_socialfeed("dead-letters", "replay", "--data", str(folder))

    assert done.returncode == 2
    assert "locked" in done.stderr
    assert done.stderr.count("\n") == 1


def test_dead_letters_are_replayed_once_their_cause_is_gone(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with serving(program, folder) as server:
        author, reader = server.sign_up("author"), server.sign_up("reader")
        server.follow(reader, author)
        post = server.post(author, "the owner is told late")
        with closing(sqlite3.connect(folder / "socialfeed.sqlite3")) as database, database:
            database.execute(
                "INSERT INTO dead_letters"
                " (queue, kind, user_id, subject_id, reason, buried_at_ms)"
                " VALUES ('notification_service', 'liked', ?, ?, 'a bug, mended since', 1)",
                (reader.user_id, post),
            )
        path = f"/v1/notifications/{author.user_id}"
        assert server.send("GET", path, token=author.token).json["items"] == []

        assert run_socialfeed("dead-letters", "replay", "--data", str(folder)).returncode == 0

        def kinds() -> list[str]:
            items = server.send("GET", path, token=author.token).json["items"]
            return [item["kind"] for item in items]

        eventually(lambda: kinds() == ["like"], within_s=5)


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

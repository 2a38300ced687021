"""What a confirmation means: on disk before the answer, and there after any death."""

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from http.client import HTTPException
from pathlib import Path

import numpy as np
import pytest

from server.adapters.sqlite.schema import STEPS
from tests.e2e.program import RunProgram
from tests.e2e.serving import Person, Serving, serving
from tests.e2e.uploads import uploaded

KILLS = 20
WRITERS = 3
COMPLETE_WITHIN_S = 2.0


STRACE = shutil.which("strace")


def strace_works() -> bool:
    command = [STRACE or "", "-f", "-o", os.devnull, sys.executable, "--version"]
    return bool(STRACE) and subprocess.run(command, check=False).returncode == 0


class Writer(threading.Thread):
    """Posts and likes until the server dies, and logs what was confirmed."""

    def __init__(self, server: Serving, author: Person, log: list[str]) -> None:
        super().__init__()
        self._server = server
        self._author = author
        self._log = log
        self.lost_answers = 0

    def run(self) -> None:
        while True:
            try:
                self._log.append(self._server.post(self._author, f"text {len(self._log)}"))
            except (OSError, HTTPException):
                self.lost_answers += 1
                return


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kill_9_under_load_loses_nothing_that_was_confirmed(program: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    folder = tmp_path / "data"
    with serving(program, folder) as server:
        authors = [server.sign_up(f"author {number}") for number in range(WRITERS)]
        reader = server.sign_up("reader")
        for author in authors:
            server.follow(reader, author)
    logs: list[list[str]] = [[] for _ in authors]
    lost_answers = 0
    for _ in range(KILLS):
        with serving(program, folder) as server:
            assert_feed_is_complete(server, reader, logs, at_most_more=lost_answers)
            writers = [Writer(server, a, log) for a, log in zip(authors, logs, strict=True)]
            for writer in writers:
                writer.start()
            time.sleep(rng.uniform(0.05, 0.5))
            server.process.kill()
            for writer in writers:
                writer.join()
            lost_answers += sum(writer.lost_answers for writer in writers)

    with serving(program, folder) as server:
        assert_feed_is_complete(server, reader, logs, at_most_more=lost_answers)
    assert sum(map(len, logs)) > KILLS


def assert_feed_is_complete(
    server: Serving, reader: Person, logs: list[list[str]], *, at_most_more: int
) -> None:
    """Every confirmed post is there once, and at most one more for each answer that was lost."""
    confirmed = {post_id for log in logs for post_id in log}
    deadline = time.monotonic() + COMPLETE_WITHIN_S
    while True:
        seen = [item["postId"] for item in server.feed(reader)]
        if confirmed <= set(seen) or time.monotonic() > deadline:
            break
    assert confirmed - set(seen) == set()
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, key=int, reverse=True)
    assert len(set(seen) - confirmed) <= at_most_more


@pytest.mark.slow
@pytest.mark.skipif(not strace_works(), reason="processes cannot be traced here")
def test_an_fdatasync_lies_between_each_request_and_its_confirmation(
    program: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    with serving(program, tmp_path / "data") as server:
        author = server.sign_up("ada")
        calls = "trace=recvfrom,read,sendto,write,writev,sendmsg,fdatasync"
        tracer = subprocess.Popen(
            [
                str(STRACE),
                "-f",
                "-p",
                str(server.process.pid),
                "-o",
                trace,
                "-s",
                "64",
                "-e",
                calls,
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert tracer.stderr is not None
        tracer.stderr.readline()
        time.sleep(0.5)
        for number in range(10):
            server.post(author, f"text {number}")
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=10)

    steps = re.findall(r"(POST /v1/posts|HTTP/1\.1 201|fdatasync)", trace.read_text())
    rounds = "".join({"P": "P", "H": "C", "f": "s"}[step[0]] for step in steps)
    # s: synced, P: a post has come, C: it is confirmed. The queue's own commits sync too.
    assert rounds.count("P") == rounds.count("C") == 10
    assert re.fullmatch(r"s*(Ps+Cs*){10}", rounds), rounds


def test_a_second_server_on_the_folder_is_refused(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with serving(program, folder):
        done = run_socialfeed("serve", "--port", "0", "--data", str(folder))

    assert done.returncode == 2
    assert f"the data in {folder} is in use" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_of_a_later_version_is_refused(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with serving(program, folder) as server:
        server.stop()
    with sqlite3.connect(folder / "socialfeed.sqlite3") as database:
        database.execute("PRAGMA user_version = 1000")
    database.close()

    done = run_socialfeed("serve", "--port", "0", "--data", str(folder))

    assert done.returncode == 2
    assert "schema version 1000" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_of_the_first_version_is_migrated(program: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "socialfeed.sqlite3") as database:
        database.executescript(f"{STEPS[0]}; PRAGMA user_version = 1")
        database.execute("INSERT INTO users (user_id, name) VALUES (1, 'old')")
    database.close()

    with serving(program, tmp_path) as server:
        token = server.sign_up("new").token

        assert server.send("GET", "/v1/users/1", token=token).json["name"] == "old"


def test_secrets_are_for_their_owner_only(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path / "data") as server:
        uploaded(server, server.sign_up("ada"))
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").rglob("*")
        }

    [media] = (name for name in modes if name.endswith(".jpg,"))
    private = "secret", "storage-key.json", "socialfeed.sqlite3", "feeds.sqlite3", media
    assert [modes[name] for name in private] == [0o600] * 5
    assert modes["storage"] == 0o700


def test_a_graceful_stop_leaves_the_queue_to_the_next_start(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(program, folder) as server:
        author, reader = server.sign_up("author"), server.sign_up("reader")
        server.follow(reader, author)
        posts = [server.post(author, f"text {number}") for number in range(50)]
        assert server.stop() == 0

    with serving(program, folder) as server:
        assert_feed_is_complete(server, reader, [posts], at_most_more=0)

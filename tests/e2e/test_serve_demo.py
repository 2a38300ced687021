"""`serve --demo`: a world that is alive when it is first looked at."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from server.demo.world import demo_world
from tests.e2e.program import RunProgram
from tests.e2e.serving import READY, Person, Serving, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


# Two pictures are drawn to their end, on a machine that is busy.
STOPPED_WITHIN_S = 10.0


@dataclass(frozen=True)
class Demo:
    """A demo that runs, and what it has told of itself."""

    server: Serving
    folder: Path
    told: str

    @property
    def password(self) -> str:
        """What everybody signs in with."""
        found = re.search(r"with the password (\S+)", self.told)
        assert found
        return found[1]

    def sign_in(self, name: str) -> Person:
        """Return somebody of the world."""
        body = {"name": name, "password": self.password}
        reply = self.server.send("POST", "/v1/tokens", body)
        assert reply.status == 201, reply.body
        return Person(reply.json["userId"], reply.json["token"])


@pytest.fixture(scope="module")
def demo(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo in a folder of its own."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    command: list[str | Path] = [program, "serve", "--demo", "--port", "0", "--data", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        while not (ready := READY.search(told)):
            line = process.stderr.readline()
            assert line, told
            told += line
        told += process.stderr.readline() + process.stderr.readline()
        try:
            yield Demo(Serving(process, int(ready[1])), folder, told)
        finally:
            process.kill()


def test_everybody_can_sign_in_and_has_a_feed_of_whom_they_follow(demo: Demo) -> None:
    world = demo_world()

    for person in world.people:
        assert person.name in demo.told
        feed = demo.server.feed(demo.sign_in(person.name))
        posted = [post for post in world.posts if post.by in person.follows]
        shown = [
            (item["author"]["name"], item.get("text", item.get("description"))) for item in feed
        ]
        assert shown == [(post.by, post.text) for post in reversed(posted)]


def test_the_world_has_a_past_with_likes_and_comments(demo: Demo) -> None:
    noor = demo.sign_in(demo_world().people[0].name)

    feed = demo.server.feed(noor)
    days = {item["createdAt"][:10] for item in feed}
    notifications = demo.server.send(
        "GET", f"/v1/notifications/{noor.user_id}?limit=100", token=noor.token
    ).json["items"]

    assert len(days) > 2
    assert sum(item["likeCount"] for item in feed) > 20
    assert sum(item["commentCount"] for item in feed) > 10
    assert {item["kind"] for item in notifications} == {"like", "comment", "reply"}
    assert {item["read"] for item in notifications} == {True, False}


def test_pictures_and_clips_are_uploads_that_can_be_seen(demo: Demo) -> None:
    feed = demo.server.feed(demo.sign_in("Noor Haddad"))
    media = {item["mediaUrl"]: item["media"] for item in feed if "mediaUrl" in item}

    assert {each["kind"] for each in media.values()} == {"image", "video"}
    for url, each in media.items():
        reply = demo.server.send("GET", urlsplit(url).path)
        assert reply.status == 200
        assert reply.headers["Content-Type"].startswith(each["kind"])
        assert each["kind"] == "video" or (each["width"] >= 1200 and each["height"] >= 1000)


def test_somebody_new_is_shown_whom_to_begin_with(demo: Demo) -> None:
    known = demo.server.send("GET", "/page/welcome.json").json["userIds"]
    new = demo.server.sign_up("Somebody new")

    names = [
        demo.server.send("GET", f"/v1/users/{user_id}", token=new.token).json["name"]
        for user_id in known
    ]

    assert names == [person.name for person in demo_world().people]


def test_a_folder_with_users_is_left_as_it_is(
    program: Path, tmp_path: Path, run_socialfeed: RunProgram
) -> None:
    with serving(program, tmp_path / "data") as server:
        server.sign_up("First")
        server.stop()

    done = run_socialfeed("serve", "--demo", "--port", "0", "--data", str(tmp_path / "data"))

    assert done.returncode == 2
    assert "there are users in" in done.stderr
    assert "leave --demo out" in done.stderr
    with serving(program, tmp_path / "data") as server:
        assert server.send("POST", "/v1/users", {"name": "First"}).status == 409


def test_filling_a_folder_is_told_in_lines_where_nobody_watches(demo: Demo) -> None:
    lines = [line for line in demo.told.splitlines() if line.startswith("filling")]

    assert [line.rpartition(": ")[2] for line in lines] == ["0 %", "25 %", "50 %", "75 %"]
    assert str(demo.folder) in lines[0]


def test_a_folder_with_files_of_others_is_left_as_it_is(
    tmp_path: Path, run_socialfeed: RunProgram
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")

    done = run_socialfeed("serve", "--demo", "--port", "0", "--data", str(folder))

    assert done.returncode == 2
    assert "other files (letter.txt)" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


@contextmanager
def begun(program: Path, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start a demo; it is killed at the end if it still runs.

    It is yielded when something of it is in the folder.
    """
    command = [str(program), "serve", "--demo", "--port", "0", "--data", str(folder)]
    unfinished = folder / "demo.unfinished" / "home" / "socialfeed.sqlite3"
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            while not unfinished.exists():
                assert process.poll() is None
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
@pytest.mark.parametrize("is_there", [True, False], ids=["there", "missing"])
def test_a_demo_that_is_stopped_leaves_nothing(
    program: Path, tmp_path: Path, *, number: signal.Signals, code: int, is_there: bool
) -> None:
    folder = tmp_path / "data"
    if is_there:
        folder.mkdir()
    with begun(program, folder) as process:
        sent_s = time.monotonic()
        process.send_signal(number)
        _, told = process.communicate(timeout=30)
        took_s = time.monotonic() - sent_s

    assert process.returncode == code
    assert took_s < STOPPED_WITHIN_S
    assert folder.exists() is is_there
    assert not is_there or list(folder.iterdir()) == []
    lines = told.splitlines()
    assert lines[-2:] == ["stopping", f"stopped: {folder} is as it was before"]
    assert all(line.startswith("filling") for line in lines[:-2])


def test_what_a_killed_demo_has_left_is_removed_by_the_next_start(
    program: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with begun(program, folder) as process:
        process.kill()
    assert (folder / "demo.unfinished").exists()

    with serving(program, folder):
        assert not (folder / "demo.unfinished").exists()


def test_a_demo_is_still_there_after_a_restart(program: Path, demo: Demo) -> None:
    demo.server.stop()

    with serving(program, demo.folder) as server:
        again = Demo(server, demo.folder, demo.told)
        assert len(server.feed(again.sign_in("Noor Haddad"))) > 15
        assert len(server.send("GET", "/page/welcome.json").json["userIds"]) == 12


def test_a_welcome_that_is_no_list_of_ids_is_told(
    tmp_path: Path, run_socialfeed: RunProgram
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "welcome.json").write_text('["somebody"]')

    done = run_socialfeed("serve", "--port", "0", "--data", str(folder))

    assert done.returncode == 2
    assert "welcome.json is no list of ids" in done.stderr

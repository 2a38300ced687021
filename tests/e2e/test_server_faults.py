"""What goes wrong around the server: a database that another program writes, a clock that steps."""

import sqlite3
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.serving import Person, Reply, Serving, serving
from tests.e2e.sockets import eventually

MAIN, FEEDS = "socialfeed.sqlite3", "feeds.sqlite3"
# Longer than the server waits for a lock, and what it waits, with room for a busy machine.
LOCKED_S, ANSWERED_WITHIN_S = 7.0, 6.5
QUICK_S = 1.0
HOUR_MS = 3_600_000

SHIFTED_SERVER = """\
    #!{python}
    import sys
    from pathlib import Path

    from server.adapters.clock import SystemClock
    from server.process import run
    from server.settings import ServerSettings

    class ShiftedClock(SystemClock):
        def now_ms(self):
            return super().now_ms() + int(Path({offset!r}).read_text())

    def announce(listening):
        print(*listening.urls, file=sys.stderr, flush=True)

    settings = ServerSettings(data_folder=Path({folder!r}))
    run(settings, host="127.0.0.1", port=0, clock=ShiftedClock(), announce=announce)
"""


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Keep a database from being written, as another program does."""
    connection = sqlite3.connect(database, isolation_level=None, timeout=20)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


def timed_post(server: Serving, author: Person) -> tuple[Reply, float]:
    started_s = time.monotonic()
    body = {"userId": author.user_id, "text": "hello"}
    reply = server.send("POST", "/v1/posts", body, token=author.token)
    return reply, time.monotonic() - started_s


def feed_ids(server: Serving, reader: Person) -> list[str]:
    return [item["postId"] for item in server.feed(reader)]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_locked_database_is_503_within_seconds_and_passes(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server, ThreadPoolExecutor(20) as threads:
        author, reader = server.sign_up("ada"), server.sign_up("eve")
        server.follow(reader, author)
        confirmed = [server.post(author, "before")]
        eventually(lambda: feed_ids(server, reader) == confirmed, within_s=5)
        with locked(tmp_path / MAIN):
            writes = [threads.submit(timed_post, server, author) for _ in range(20)]
            started_s = time.monotonic()
            assert feed_ids(server, reader) == confirmed
            assert time.monotonic() - started_s < QUICK_S
            time.sleep(LOCKED_S)
            replies = [write.result() for write in writes]
            assert server.send("GET", "/readyz").status == 503
        eventually(lambda: server.send("GET", "/readyz").status == 200, within_s=5)

        assert {reply.status for reply, _ in replies} == {503}
        assert {reply.headers["Retry-After"] for reply, _ in replies} == {"1"}
        assert max(took_s for _, took_s in replies) < ANSWERED_WITHIN_S
        confirmed.append(server.post(author, "after"))
        eventually(lambda: feed_ids(server, reader) == confirmed[::-1], within_s=2)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_writes_wait_for_a_lock_that_is_short(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server, ThreadPoolExecutor(5) as threads:
        author = server.sign_up("ada")
        with locked(tmp_path / MAIN):
            writes = [threads.submit(timed_post, server, author) for _ in range(5)]
            time.sleep(2)
        replies = [write.result() for write in writes]

        assert {reply.status for reply, _ in replies} == {201}
        assert len({reply.json["postId"] for reply, _ in replies}) == 5


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_locked_feeds_delay_feeds_and_nothing_else(program: Path, tmp_path: Path) -> None:
    with serving(program, tmp_path) as server:
        author, reader, late = (server.sign_up(name) for name in ("ada", "eve", "joe"))
        server.follow(reader, author)
        posts = [server.post(author, "before")]
        eventually(lambda: feed_ids(server, reader) == posts, within_s=5)
        server.stop()
    with serving(program, tmp_path) as server:
        with locked(tmp_path / FEEDS):
            started_s = time.monotonic()
            # The first reading since the start, of which there is a note to be written.
            assert feed_ids(server, reader) == posts
            assert time.monotonic() - started_s < QUICK_S
            ends_s = time.monotonic() + LOCKED_S
            while time.monotonic() < ends_s:
                reply, took_s = timed_post(server, author)
                assert (reply.status, took_s < QUICK_S) == (201, True)
                posts.append(reply.json["postId"])
                started_s = time.monotonic()
                # One who has never read has no feed yet: all is pulled.
                server.follow(late, author)
                assert feed_ids(server, late) == posts[::-1]
                assert time.monotonic() - started_s < QUICK_S
                time.sleep(0.5)

        eventually(lambda: feed_ids(server, reader) == posts[::-1], within_s=5)
        eventually(lambda: server.send("GET", "/readyz").status == 200, within_s=5)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_clock_that_steps_back_keeps_ids_rising_and_feeds_whole(tmp_path: Path) -> None:
    offset, program, folder = tmp_path / "offset", tmp_path / "server", tmp_path / "data"
    source = SHIFTED_SERVER.format(python=sys.executable, offset=str(offset), folder=str(folder))
    program.write_text(textwrap.dedent(source))
    program.chmod(0o700)
    offset.write_text("0")
    posts: list[str] = []

    def expect_posts(server: Serving, *, shifted_ms: int) -> None:
        # Renamed: the server never reads half of it.
        (tmp_path / "next").write_text(str(shifted_ms))
        (tmp_path / "next").rename(offset)
        posts.extend(server.post(author, "again") for _ in range(5))
        assert posts == sorted(set(posts), key=int)
        eventually(lambda: feed_ids(server, reader) == posts[::-1], within_s=5)
        created = [item["createdAt"] for item in server.feed(reader)]
        assert created == sorted(created, reverse=True)

    with serving(program, folder) as server:
        author, reader = server.sign_up("ada"), server.sign_up("eve")
        server.follow(reader, author)
        expect_posts(server, shifted_ms=0)
        expect_posts(server, shifted_ms=-HOUR_MS)
        server.process.kill()
    with serving(program, folder) as server:
        expect_posts(server, shifted_ms=-2 * HOUR_MS)
        expect_posts(server, shifted_ms=24 * HOUR_MS)
        server.process.kill()
    with serving(program, folder) as server:
        expect_posts(server, shifted_ms=0)
        assert server.stop() == 0

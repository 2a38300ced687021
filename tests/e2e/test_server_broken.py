"""What another program does to the queue: the server goes on, or ends and says why."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.program import RunProgram
from tests.e2e.serving import serving
from tests.e2e.sockets import eventually, metric

ENDS_WITHIN_S = 20
# Nobody can count its tries, or name its kind: no program of ours writes such a thing.
UNREADABLE = (
    "INSERT INTO events (queue, kind, user_id, subject_id, queued_at_ms, attempts)"
    " VALUES ('feed_generator', x'00ff', 1, 1, 1, 'many')"
)
# A dead letter that cannot be kept: to go on would be to lose it.
NO_DEAD_LETTERS = (
    "CREATE TRIGGER no_dead_letters BEFORE INSERT ON dead_letters"
    " BEGIN SELECT RAISE(ABORT, 'no dead letters here'); END"
)


def test_an_event_that_nobody_can_read_is_set_aside_and_all_goes_on(
    program: Path, run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    with serving(program, tmp_path) as server:
        author, reader = server.sign_up("author"), server.sign_up("reader")
        server.follow(reader, author)
        server.stop()
    change(tmp_path, UNREADABLE)

    with serving(program, tmp_path) as server:
        post = server.post(author, "after what cannot be read")
        eventually(lambda: metric(server, "socialfeed_dead_letters") == 1, within_s=10)

        assert [item["postId"] for item in server.feed(reader)] == [post]
        assert server.stop() == 0
        assert server.process.stderr
        told = server.process.stderr.read()
    reason = r"kind cannot be the blob '\x00\\xff'"
    assert f"of feed_generator cannot be read and is a dead letter now: {reason}" in told
    assert "Traceback" not in told
    listed = run_socialfeed("dead-letters", "list", "--json", "--data", str(tmp_path)).stdout
    [letter] = json.loads(listed)["dead_letters"]
    assert letter["reason"] == f"UnreadableEventError: {reason}"


def test_a_server_ends_and_says_why_when_work_in_the_background_has_stopped(
    program: Path, tmp_path: Path
) -> None:
    with serving(program, tmp_path) as server:
        ada = server.sign_up("ada")
        change(tmp_path, NO_DEAD_LETTERS)
        change(tmp_path, UNREADABLE)

        _, told = server.process.communicate(timeout=ENDS_WITHIN_S)

    assert server.process.returncode == 1
    last = told.splitlines()[-1]
    assert last.startswith("Error: work in the background has stopped (IntegrityError(")
    assert "start the server again" in last
    assert told.count("Traceback") >= 1

    change(tmp_path, "DROP TRIGGER no_dead_letters")
    with serving(program, tmp_path) as server:
        assert server.send("GET", f"/v1/users/{ada.user_id}", token=ada.token).status == 200


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "socialfeed.sqlite3", timeout=10)) as database, database:
        database.execute(statement)

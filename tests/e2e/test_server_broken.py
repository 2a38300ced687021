"""A server without which posts would never arrive does not look as if all were well."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.serving import serving

ENDS_WITHIN_S = 20


def test_a_server_ends_and_says_why_when_work_in_the_background_has_stopped(
    program: Path, tmp_path: Path
) -> None:
    with serving(program, tmp_path) as server:
        ada = server.sign_up("ada")
        break_a_consumer(tmp_path)

        _, told = server.process.communicate(timeout=ENDS_WITHIN_S)

    assert server.process.returncode == 1
    last = told.splitlines()[-1]
    assert last.startswith("Error: work in the background has stopped (TypeError(")
    assert "start the server again" in last
    assert told.count("Traceback") >= 1

    mend(tmp_path)
    with serving(program, tmp_path) as server:
        assert server.send("GET", f"/v1/users/{ada.user_id}", token=ada.token).status == 200


def break_a_consumer(folder: Path) -> None:
    """Put an event into a queue that no program of ours writes: nobody can count its tries."""
    change(
        folder,
        "INSERT INTO events (queue, kind, user_id, subject_id, queued_at_ms, attempts)"
        " VALUES ('feed_generator', 'nothing known', 1, 1, 1, 'many')",
    )


def mend(folder: Path) -> None:
    change(folder, "DELETE FROM events WHERE attempts = 'many'")


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "socialfeed.sqlite3", timeout=10)) as database, database:
        database.execute(statement)

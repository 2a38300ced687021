"""What several benchmarks do with a world and a server."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

SERVER_CORE, CLIENT_CORE = 0, 1


def known(folder: Path) -> tuple[list[int], list[int]]:
    """Return all users and posts of a world."""
    with closing(sqlite3.connect(folder / "socialfeed.sqlite3")) as connection:
        users, posts = (
            [row[0] for row in connection.execute(query)]
            for query in ("SELECT user_id FROM users", "SELECT post_id FROM posts")
        )
    return users, posts


def pin(process_id: int) -> None:
    """Keep all threads of a process on the server's core."""
    for thread in Path(f"/proc/{process_id}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {SERVER_CORE})


def waited_for_core_s(process_id: int) -> float:
    """How long a process' main thread could have run so far and had no core."""
    schedstat = Path(f"/proc/{process_id}/task/{process_id}/schedstat").read_text()
    return int(schedstat.split()[1]) / 1e9

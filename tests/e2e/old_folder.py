"""A data folder as the first version of the server left it, large enough to migrate for a while."""

import sqlite3
from pathlib import Path

from server.adapters.sqlite.schema import STEPS

READER, AUTHOR = 1 << 40, 2 << 40
POSTS = 300
FIRST_POST = 3 << 40
# What is dropped on the way; SQLite reads all of it.
FEEDS, FEED_BYTES = 4_000, 12_000


def write_old_folder(folder: Path) -> list[str]:
    """Write the folder; returns its posts, oldest first: each liked by its reader."""
    folder.mkdir()
    posts = [FIRST_POST + number for number in range(POSTS)]
    database = sqlite3.connect(folder / "socialfeed.sqlite3", isolation_level=None)
    database.executescript(
        f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
        f"BEGIN; {STEPS[0]}; PRAGMA user_version = 1"
    )
    users = [(READER, "reader", 0, 1), (AUTHOR, "author", 1, 0)]
    database.executemany("INSERT INTO users VALUES (?, ?, NULL, ?, ?)", users)
    database.execute("INSERT INTO follows VALUES (?, ?, 1, 1)", (READER, AUTHOR))
    database.executemany(
        "INSERT INTO posts VALUES (?, ?, 'old', NULL, NULL, '[]', 0)",
        ((post, AUTHOR) for post in posts),
    )
    database.executemany(
        "INSERT INTO likes VALUES (?, ?, ?, 'like')",
        ((post, READER, post + POSTS) for post in posts),
    )
    database.executemany("INSERT INTO post_counts VALUES (?, 1, 0)", ((post,) for post in posts))
    database.executemany(
        "INSERT INTO feeds (user_id, floor, read_at_ms) VALUES (?, 0, 1)",
        ((number,) for number in range(1, FEEDS + 1)),
    )
    database.execute(
        "INSERT INTO feed_bodies SELECT user_id, randomblob(?) FROM feeds", (FEED_BYTES,)
    )
    database.execute("COMMIT")
    database.close()
    return [str(post) for post in posts]

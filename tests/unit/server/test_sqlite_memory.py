"""What SQLite takes of the memory."""

import sqlite3
from contextlib import closing

from server.adapters.sqlite.memory import meter


def test_it_is_told_of_all_connections_together() -> None:
    used_bytes = meter()
    assert used_bytes is not None
    before = used_bytes()

    with closing(sqlite3.connect(":memory:")) as one, closing(sqlite3.connect(":memory:")) as other:
        for connection in (one, other):
            connection.execute("CREATE TABLE texts AS SELECT zeroblob(1000000)")
        held = used_bytes() - before

    assert 2_000_000 < held < 2_500_000
    assert used_bytes() - before < 500_000

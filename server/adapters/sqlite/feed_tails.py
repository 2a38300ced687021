"""Tails: what was pushed to feeds lately, in a few rows whatever the number of feeds.

Users are spread over buckets. A push adds one row to each bucket it touches, with the entries of
all the bucket's users packed one after the other, all rows in one statement. A full bucket is
merged into its users' feeds and emptied.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from server.model.feeds import Backfill, FanOut

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A push of many posts dirties about one page in each bucket: 1 MB of log.
BUCKETS = 256
# Past this many rows or bytes (25,000 entries) a bucket is merged. A feed that is not cached is
# read by going through its bucket.
ROWS_A_BUCKET = 2_000
BYTES_A_BUCKET = 600_000
# Buckets merged after entries were appended, 10,000 at most: all that are full would keep the next
# push waiting, and one holds more than that.
MERGES_AN_APPEND = 1
# A row's key is its bucket, then its number in the bucket.
_NUMBER_BITS = 40

_RECORD = np.dtype([("user_id", ">i8"), ("post_id", ">i8"), ("author_id", ">i8")])
_NONE = np.empty(0, _RECORD)


@dataclass(slots=True)
class _Bucket:
    """What is in a bucket's rows: numbers from `first` to before `next`."""

    first: int
    next: int
    # Counted from the start of the process, so a bucket may once hold twice the limit.
    size_bytes: int = 0

    @property
    def is_full(self) -> bool:
        return self.next - self.first > ROWS_A_BUCKET or self.size_bytes > BYTES_A_BUCKET


class FeedTails:
    """The rows of `feed_tails`. Not for more than one writing thread."""

    def __init__(self) -> None:
        self._buckets: list[_Bucket] = []

    def append(self, connection: sqlite3.Connection, records: "NDArray[np.void]") -> None:
        """Add entries to the tails of their users."""
        buckets = records["user_id"] % BUCKETS
        order = np.argsort(buckets, kind="stable")
        packed = records[order].tobytes()
        ends = np.cumsum(np.bincount(buckets, minlength=BUCKETS)) * _RECORD.itemsize
        known = self._known(connection)
        rows = []
        start = 0
        for number, end in enumerate(ends.tolist()):
            if end > start:
                rows.append([_key(number, known[number].next), start + 1, end - start])
                known[number].next += 1
                known[number].size_bytes += end - start
                start = end
        # One statement for all rows: each would give the interpreter up and wait for it again.
        connection.execute(
            "INSERT INTO feed_tails SELECT value ->> 0, substr(?, value ->> 1, value ->> 2)"
            " FROM json_each(?)",
            (packed, json.dumps(rows)),
        )

    def of_user(self, connection: sqlite3.Connection, user_id: int) -> bytes:
        """Return a user's packed entries, in no order."""
        records = _of_bucket(connection, user_id % BUCKETS)
        return _packed(records[records["user_id"] == user_id])

    def remove(self, connection: sqlite3.Connection, authors: Mapping[int, Iterable[int]]) -> None:
        """Take posts out of users' tails; `authors` are those whose posts go, by user."""
        by_bucket: dict[int, list[int]] = defaultdict(list)
        for user_id in authors:
            by_bucket[user_id % BUCKETS].append(user_id)
        for bucket, user_ids in by_bucket.items():
            for key, records in _with_any_of(user_ids, _rows_of(connection, bucket)):
                is_gone = np.zeros(len(records), bool)
                for user_id in user_ids:
                    of_user = records["user_id"] == user_id
                    is_gone |= of_user & np.isin(records["author_id"], list(authors[user_id]))
                if is_gone.any():
                    connection.execute(
                        "UPDATE feed_tails SET entries = ? WHERE bucket_and_number = ?",
                        (records[~is_gone].tobytes(), key),
                    )

    def full(self, connection: sqlite3.Connection) -> Sequence[int]:
        """Return some of the buckets that should be merged."""
        known = self._known(connection)
        return [number for number in range(BUCKETS) if known[number].is_full][:MERGES_AN_APPEND]

    def take(self, connection: sqlite3.Connection, bucket: int) -> Mapping[int, bytes]:
        """Empty a bucket; returns its users' packed entries, newest first, each once."""
        entries = _of_bucket(connection, bucket)
        connection.execute(
            "DELETE FROM feed_tails WHERE bucket_and_number >= ? AND bucket_and_number < ?",
            _bounds(bucket),
        )
        state = self._known(connection)[bucket]
        state.first, state.size_bytes = state.next, 0
        return dict(_by_user(entries))

    def clear(self, connection: sqlite3.Connection) -> None:
        """Empty all buckets."""
        connection.execute("DELETE FROM feed_tails")

    def forget(self) -> None:
        """Forget what is known of the rows: it is read again."""
        self._buckets = []

    def _known(self, connection: sqlite3.Connection) -> list[_Bucket]:
        if not self._buckets:
            self._buckets = _found(connection)
        return self._buckets


def _found(connection: sqlite3.Connection) -> list[_Bucket]:
    # One statement and one row of JSON for all buckets, as for their rows in `append`.
    (text,) = connection.execute(
        "SELECT json_group_array(json_array("
        "(SELECT min(bucket_and_number) FROM feed_tails"
        " WHERE bucket_and_number >= value ->> 0 AND bucket_and_number < value ->> 1),"
        " (SELECT max(bucket_and_number) FROM feed_tails"
        " WHERE bucket_and_number >= value ->> 0 AND bucket_and_number < value ->> 1)))"
        " FROM json_each(?)",
        (json.dumps([_bounds(bucket) for bucket in range(BUCKETS)]),),
    ).fetchone()
    return [
        _Bucket(0, 0)
        if first is None
        else _Bucket(first - _key(bucket, 0), last - _key(bucket, 0) + 1)
        for bucket, (first, last) in enumerate(json.loads(text))
    ]


def _key(bucket: int, number: int) -> int:
    return bucket << _NUMBER_BITS | number


def _bounds(bucket: int) -> tuple[int, int]:
    return _key(bucket, 0), _key(bucket + 1, 0)


def _rows_of(connection: sqlite3.Connection, bucket: int) -> Sequence[tuple[int, bytes]]:
    return connection.execute(
        "SELECT bucket_and_number, entries FROM feed_tails"
        " WHERE bucket_and_number >= ? AND bucket_and_number < ?",
        _bounds(bucket),
    ).fetchall()


def _of_bucket(connection: sqlite3.Connection, bucket: int) -> "NDArray[np.void]":
    return np.frombuffer(b"".join(entries for _, entries in _rows_of(connection, bucket)), _RECORD)


def _with_any_of(
    user_ids: Sequence[int], rows: Sequence[tuple[int, bytes]]
) -> Iterator[tuple[int, "NDArray[np.void]"]]:
    """Yield the rows that have entries of these users; found in all rows at once."""
    records = [np.frombuffer(entries, _RECORD) for _, entries in rows]
    ends = np.cumsum([len(of_row) for of_row in records])
    found = np.flatnonzero(np.isin(np.concatenate([*records, _NONE])["user_id"], user_ids))
    for row in np.unique(np.searchsorted(ends, found, side="right")).tolist():
        yield rows[row][0], records[row]


def backfilled(backfills: Sequence[Backfill], *, only_to: Container[int]) -> "NDArray[np.void]":
    """Return the entries of backfills of those followers that `only_to` contains."""
    chosen = [each for each in backfills if each.pair.follower_id in only_to]
    sizes = np.array([len(backfill.post_ids) for backfill in chosen], int)
    records = np.empty(sizes.sum(), _RECORD)
    records["user_id"] = np.repeat([each.pair.follower_id for each in chosen], sizes)
    records["post_id"] = [post_id for each in chosen for post_id in each.post_ids]
    records["author_id"] = np.repeat([each.pair.followee_id for each in chosen], sizes)
    return records


def fanned_out(fan_outs: Sequence[FanOut], *, only_to: Container[int]) -> "NDArray[np.void]":
    """Return the entries of posts for those followers that `only_to` contains."""
    followers = [
        [user_id for user_id in fan_out.follower_ids if user_id in only_to] for fan_out in fan_outs
    ]
    sizes = [len(of_post) for of_post in followers]
    records = np.empty(sum(sizes), _RECORD)
    records["user_id"] = [user_id for of_post in followers for user_id in of_post]
    records["post_id"] = np.repeat([fan_out.entry.post_id for fan_out in fan_outs], sizes)
    records["author_id"] = np.repeat([fan_out.entry.author_id for fan_out in fan_outs], sizes)
    return records


def _by_user(records: "NDArray[np.void]") -> Iterator[tuple[int, bytes]]:
    """Yield each user's packed entries, newest first and each once."""
    order = np.lexsort((-records["post_id"].astype(np.int64), records["user_id"]))
    ordered = records[order]
    is_new = np.ones(len(ordered), bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    ordered = ordered[is_new]
    packed = _packed(ordered)
    entry_bytes = len(packed) // max(len(ordered), 1)
    users, starts = np.unique(ordered["user_id"], return_index=True)
    bounds = [*(starts * entry_bytes).tolist(), len(packed)]
    for index, user_id in enumerate(users.tolist()):
        yield user_id, packed[bounds[index] : bounds[index + 1]]


def _packed(records: "NDArray[np.void]") -> bytes:
    """Return the entries as a feed packs them: post id, author id."""
    columns = np.empty((len(records), 2), ">i8")
    columns[:, 0], columns[:, 1] = records["post_id"], records["author_id"]
    return columns.tobytes()

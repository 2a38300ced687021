"""Bookmarks: where each reader's last page ended, so that the next one goes on there."""

import json


class Bookmarks:
    """The cursor of each reader; kept only where a plan reads more than first pages."""

    def __init__(self, *, is_wanted: bool) -> None:
        self._is_wanted = is_wanted
        self._bookmarks: dict[int, tuple[int | None, str]] = {}

    def of(self, reader: int) -> tuple[int | None, str]:
        """Return the last post read and the cursor after it; None and nothing to begin anew."""
        return self._bookmarks.pop(reader, (None, ""))

    def keep(self, reader: int, body: bytes) -> None:
        """Remember where a page ends; a last page is forgotten."""
        if not self._is_wanted:
            return
        try:
            page = json.loads(body)
            cursor, items = page["nextCursor"], page["items"]
            if cursor and items:
                self._bookmarks[reader] = int(items[-1]["postId"]), str(cursor)
        except (ValueError, KeyError, TypeError):
            # The oracle reports pages that cannot be read.
            self._bookmarks.pop(reader, None)

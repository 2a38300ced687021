"""Evidence for the oracle: what was written, and some of the pages that were read."""

import json
from dataclasses import dataclass, field

from sim.loadtest.driver.calls import Request
from sim.loadtest.driver.connections import Answer
from sim.loadtest.driver.recorder import Timing
from sim.loadtest.plan import MOST_PAGES


@dataclass(frozen=True, slots=True)
class _Page:
    reader: int
    begun_s: float
    done_s: float
    before: int | None
    body: bytes


@dataclass(slots=True)
class Evidence:
    """What one generator keeps while the load runs; nothing is parsed before it is over.

    Attributes:
        every: one page of so many is kept.
        posts: (author, post id, sent at, confirmed at).
        follows: (flow, follower, followee, sent at, confirmed at or None).
    """

    every: int
    posts: list[tuple[int, int, float, float]] = field(default_factory=list)
    follows: list[tuple[str, int, int, float, float | None]] = field(default_factory=list)
    _pages: list[_Page] = field(default_factory=list)
    _seen: int = 0

    @classmethod
    def of(cls, pages: int) -> "Evidence":
        """Return a store for a run of so many pages."""
        return cls(every=max(1, -(-pages // MOST_PAGES)))

    def keep(
        self, asked: Request, answer: Answer, timing: Timing, *, is_right: bool, is_measured: bool
    ) -> None:
        """Keep what the oracle needs of an answer; of the measured pages one of so many."""
        if asked.flow in {"follow", "unfollow"}:
            done_s = timing.done_s if is_right else None
            self.follows.append((asked.flow, asked.actor, asked.subject, timing.begun_s, done_s))
        elif asked.flow == "read_feed" and is_right and is_measured:
            if self._seen % self.every == 0:
                page = _Page(asked.actor, timing.begun_s, timing.done_s, asked.before, answer.body)
                self._pages.append(page)
            self._seen += 1

    def document(self, *, start_s: float) -> dict[str, object]:
        """Return all of it as a plain document, times from the start of the run."""
        return {
            "posts": [
                [author, post, begun_s - start_s, done_s - start_s]
                for author, post, begun_s, done_s in self.posts
            ],
            "follows": [
                [flow, who, whom, begun_s - start_s, done_s and done_s - start_s]
                for flow, who, whom, begun_s, done_s in self.follows
            ],
            "pages": [
                [
                    page.reader,
                    page.begun_s - start_s,
                    page.done_s - start_s,
                    page.before,
                    *_content(page.body),
                ]
                for page in self._pages
            ],
        }


def _content(body: bytes) -> tuple[list[list[int]] | None, bool]:
    """Return (post, author) of each item and whether it is the last page; None if unreadable."""
    try:
        page = json.loads(body)
        items = [[int(item["postId"]), int(item["userId"])] for item in page["items"]]
        return items, page["nextCursor"] is None
    except (ValueError, KeyError, TypeError):
        return None, False

"""Evidence for the oracle: what was written, and some of the pages that were read."""

import json
from dataclasses import dataclass, field

from sim.loadtest.driver.calls import Request, post_id_of
from sim.loadtest.driver.connections import Answer
from sim.loadtest.driver.recorder import Timing
from sim.loadtest.plan import MOST_PAGES
from sim.loadtest.traffic import POSTS


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
        posts: (author, post id, sent at, confirmed at); id and confirmation None without an answer.
        follows: (flow, follower, followee, sent at, confirmed at or None).
    """

    every: int
    posts: list[tuple[int, int | None, float, float | None]] = field(default_factory=list)
    follows: list[tuple[str, int, int, float, float | None]] = field(default_factory=list)
    _pages: list[_Page] = field(default_factory=list)
    _seen: int = 0

    @classmethod
    def of(cls, pages: int) -> "Evidence":
        """Return a store for a run of so many pages."""
        return cls(every=max(1, -(-pages // MOST_PAGES)))

    def keep(
        self, asked: Request, answer: Answer | None, timing: Timing, *, is_measured: bool
    ) -> None:
        """Keep what the oracle needs of a right answer; of the measured pages one of so many.

        What had none (`answer` is None) may have been done all the same.
        """
        if asked.flow in {"follow", "unfollow"}:
            done_s = None if answer is None else timing.done_s
            self.follows.append((asked.flow, asked.actor, asked.subject, timing.begun_s, done_s))
        elif asked.flow in POSTS:
            post = None if answer is None else post_id_of(answer.body)
            done_s = None if post is None else timing.done_s
            self.posts.append((asked.actor, post, timing.begun_s, done_s))
        elif asked.flow == "read_feed" and answer is not None and is_measured:
            if self._seen % self.every == 0:
                page = _Page(asked.actor, timing.begun_s, timing.done_s, asked.before, answer.body)
                self._pages.append(page)
            self._seen += 1

    def document(self, *, start_s: float) -> dict[str, object]:
        """Return all of it as a plain document, times from the start of the run."""
        return {
            "posts": [
                [author, post, begun_s - start_s, done_s and done_s - start_s]
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

"""Between two loads: waiting until the server has worked off what the last one has left behind."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from scenarios.objectives import Objectives
from sim.loadtest.api import Api
from sim.loadtest.bench import Bench
from sim.loadtest.errors import UnreachableError

SETTLED_WITHIN_S = 120.0
"""Within which a target must have settled, and must have answered at all."""

GONE_AFTER_S = 10.0
"""A target that nothing reaches for so long, one that takes no connections, is gone."""

_PAUSE_S = 0.1
_OK, _NOT_OK = 200, 300

OnPost = Callable[[int, int | None, float, float | None], None]
"""Takes author, post id, and when it was sent and confirmed, by `time.monotonic`; id and
confirmation are None if no right answer came."""


def wait_until_settled(
    bench: Bench, objectives: Objectives, *, on_post: OnPost = lambda *_: None
) -> bool:
    """Wait until a post reaches its author's last follower well within the objective.

    A server that still turns requests away, or takes too long for them, is asked again. Returns
    whether it settled in time; there is nothing to wait for in a world where nobody follows
    anybody.

    Raises:
        UnreachableError: if the target does not answer any more.
    """
    if not len(bench.world.followees):
        return True
    until_s = time.monotonic() + SETTLED_WITHIN_S
    with Api(bench.url) as api:
        probe = _Probe(bench, api, until_s=until_s, on_post=on_post)
        while time.monotonic() < until_s:
            fresh_s = probe.one_post_s()
            if fresh_s is not None and fresh_s < float(objectives.freshness_p99) / 2:
                return True
    return False


class _Probe:
    """Posts as an author, and reads as the last follower, until it is there."""

    def __init__(self, bench: Bench, api: Api, *, until_s: float, on_post: OnPost) -> None:
        self._bench = bench
        self._api = api
        self._until_s = until_s
        self._on_post = on_post
        self._answered_s = time.monotonic()

    def one_post_s(self) -> float | None:
        """Return how long a post took to its author's last follower; None if it was refused."""
        world = self._bench.world
        author = int(world.followees[0])
        follower = int(world.followers_of(author)[-1])
        body = {"userId": str(world.user_ids[author]), "text": "Is it over?"}
        begun_s = time.monotonic()
        made = self._asked("POST", "/v1/posts", body, token=str(world.tokens[author]))
        if made is None:
            self._on_post(author, None, begun_s, None)
            return None
        self._on_post(author, int(made["postId"]), begun_s, time.monotonic())
        path = f"/v1/feeds/{world.user_ids[follower]}"
        while time.monotonic() < self._until_s:
            page = self._asked("GET", path, token=str(world.tokens[follower]))
            if page is not None and made["postId"] in [item["postId"] for item in page["items"]]:
                break
            time.sleep(_PAUSE_S)
        return time.monotonic() - begun_s

    def _asked(
        self, method: str, path: str, body: Mapping[str, str] | None = None, *, token: str
    ) -> Any:  # noqa: ANN401 - whatever JSON the call answers
        """Return the document of a right answer, or None after a pause."""
        try:
            reply = self._api.ask(method, path, body, token=token)
        except UnreachableError:
            if self._bench.has_died or time.monotonic() > self._answered_s + GONE_AFTER_S:
                raise
            time.sleep(_PAUSE_S)
            return None
        self._answered_s = time.monotonic()
        if _OK <= reply.status < _NOT_OK:
            return reply.document
        time.sleep(_PAUSE_S)
        return None

"""Between two loads: waiting until the server has worked off what the last one has left behind."""

import time

from scenarios.objectives import Objectives
from sim.loadtest.api import Api
from sim.loadtest.bench import Bench
from sim.loadtest.world import World

SETTLED_WITHIN_S = 120.0
_PAUSE_S = 0.1


def wait_until_settled(bench: Bench, objectives: Objectives) -> bool:
    """Wait until a post reaches its author's last follower well within the objective.

    Returns whether that came about in time; there is nothing to wait for in a world where nobody
    follows anybody.

    Raises:
        TargetError: if the target does not answer.
    """
    if not len(bench.world.followees):
        return True
    until_s = time.monotonic() + SETTLED_WITHIN_S
    with Api(bench.url) as api:
        while time.monotonic() < until_s:
            fresh_s = _one_post_s(api, bench.world, until_s=until_s)
            if fresh_s < float(objectives.freshness_p99) / 2:
                return True
    return False


def _one_post_s(api: Api, world: World, *, until_s: float) -> float:
    """Return how long a post takes to its author's last follower, or until time is up."""
    author = int(world.followees[0])
    follower = int(world.followers_of(author)[-1])
    body = {"userId": str(world.user_ids[author]), "text": "Is it over?"}
    begun_s = time.monotonic()
    post = api.expect("POST", "/v1/posts", body, token=str(world.tokens[author]))["postId"]
    path = f"/v1/feeds/{world.user_ids[follower]}"
    while time.monotonic() < until_s:
        items = api.expect("GET", path, token=str(world.tokens[follower]))["items"]
        if post in [item["postId"] for item in items]:
            break
        time.sleep(_PAUSE_S)
    return time.monotonic() - begun_s

"""A world made through the API of a server that already runs, and feeds read once."""

import secrets
from collections.abc import Callable
from typing import Any

import numpy as np

from scenarios.graph import drawn_graph, scaled_to
from scenarios.model import Scenario
from sim.engine.draws import generator
from sim.loadtest.api import Api, side_by_side
from sim.loadtest.world import World

Told = Callable[[str, int, int], None]
"""Takes what is being done, how much of it is done, and of how much."""

DAYS_OF_POSTS = 30


def founded_world(api: Api, scenario: Scenario, *, users: int, seed: int, told: Told) -> World:
    """Sign up users, have them follow each other and post; returns their world.

    Names end in random letters, so that a server can be tested again.

    Raises:
        RefusedError, UnreachableError: if the server does not do it.
    """
    rng = generator(seed, 0, "world")
    distribution = scaled_to(scenario.activity.followers.distribution, users=users)
    graph = drawn_graph(distribution, users=users, rng=rng)
    run = secrets.token_hex(4)

    def sign_up(number: int) -> Any:  # noqa: ANN401 - JSON
        return api.expect("POST", "/v1/users", {"name": f"load{run}.{number}"})

    signed_up = side_by_side(
        sign_up, range(users), on_done=lambda done: told("signing up", done, users)
    )
    ids = [str(one["userId"]) for one in signed_up]
    tokens = [str(one["token"]) for one in signed_up]
    edges = list(zip(graph.followers.tolist(), graph.followees.tolist(), strict=True))

    def follow(edge: tuple[int, int]) -> None:
        follower, followee = edge
        body = {"followerId": ids[follower], "followeeId": ids[followee]}
        api.expect("POST", "/v1/follow", body, token=tokens[follower])

    side_by_side(follow, edges, on_done=lambda done: told("following", done, len(edges)))
    posts = rng.poisson(users * float(scenario.activity.posting_share) * DAYS_OF_POSTS)
    authors = rng.integers(users, size=max(int(posts), 1)).tolist()

    def post(author: int) -> int:
        body = {"userId": ids[author], "text": f"A post by {author}"}
        return int(api.expect("POST", "/v1/posts", body, token=tokens[author])["postId"])

    post_ids = side_by_side(post, authors, on_done=lambda done: told("posting", done, len(authors)))
    order = np.argsort(post_ids)
    return World(
        user_ids=np.asarray([int(each) for each in ids]),
        tokens=np.asarray(tokens),
        followers=graph.followers,
        followees=graph.followees,
        post_ids=np.asarray(post_ids)[order],
        authors=np.asarray(authors)[order],
    )


def read_every_feed(api: Api, world: World, *, told: Told) -> None:
    """Read each user's feed once, as on a server that has run for long.

    A feed that nobody has read is built, or taken into the cache, at its first read, which would be
    measured otherwise.
    """
    users = list(zip(world.user_ids.tolist(), world.tokens.tolist(), strict=True))

    def read(user: tuple[int, str]) -> None:
        user_id, token = user
        api.expect("GET", f"/v1/feeds/{user_id}?limit=1", token=str(token))

    side_by_side(read, users, on_done=lambda done: told("reading feeds", done, len(users)))

"""The follower graph: so many followers, each once, in the scenario's power law."""

import time

import numpy as np
import pytest

from scenarios.followers import fitted_followers
from scenarios.graph import drawn_graph, scaled_to

DISTRIBUTION = fitted_followers(mean=191, tail_exponent=2.27, most=3e6)


@pytest.mark.parametrize("users", [2, 10, 2_000])
def test_an_edge_is_there_once_and_leads_to_somebody_else(users: int) -> None:
    rng = np.random.default_rng(1)
    graph = drawn_graph(scaled_to(DISTRIBUTION, users=users), users=users, rng=rng)

    edges = set(zip(graph.followers.tolist(), graph.followees.tolist(), strict=True))
    assert len(edges) == len(graph)
    assert all(follower != followee for follower, followee in edges)
    assert all(0 <= user < users for edge in edges for user in edge)


def test_the_same_seed_gives_the_same_graph() -> None:
    distribution = scaled_to(DISTRIBUTION, users=500)
    first, second = (
        drawn_graph(distribution, users=500, rng=np.random.default_rng(5)) for _ in range(2)
    )

    assert (first.followers == second.followers).all()
    assert (first.followees == second.followees).all()


def test_the_followers_have_the_scenarios_mean_and_a_long_tail() -> None:
    users = 4_000
    distribution = scaled_to(DISTRIBUTION, users=users)

    graph = drawn_graph(distribution, users=users, rng=np.random.default_rng(2))

    counts = np.bincount(graph.followees, minlength=users)
    standard_error = counts.std() / np.sqrt(users)
    assert abs(counts.mean() - distribution.mean) < 5 * standard_error
    assert counts.max() > 10 * counts.mean()
    assert abs((counts > 1000).mean() - distribution.share_above(1000)) < 0.01


def test_a_million_edges_are_drawn_in_a_moment() -> None:
    distribution = scaled_to(DISTRIBUTION, users=5_000)
    started_s = time.process_time()

    graph = drawn_graph(distribution, users=5_000, rng=np.random.default_rng(1))

    assert len(graph) > 900_000
    assert time.process_time() - started_s < 0.5

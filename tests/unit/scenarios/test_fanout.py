"""The push/pull rule, and the steps that each of the three designs takes."""

import pytest

from scenarios.fanout import Fanout, is_pushed
from scenarios.flows import Flow
from scenarios.loader import load


@pytest.mark.parametrize(
    ("fanout", "followers", "pushed"),
    [
        (Fanout.PUSH, 0, True),
        (Fanout.PUSH, 1e9, True),
        (Fanout.PULL, 0, False),
        (Fanout.PULL, 1e9, False),
        (Fanout.HYBRID, 99_999, True),
        (Fanout.HYBRID, 100_000, True),
        (Fanout.HYBRID, 100_001, False),
    ],
)
def test_a_post_is_pushed_by_design_and_number_of_followers(
    fanout: Fanout, followers: float, *, pushed: bool
) -> None:
    assert is_pushed(fanout, followers=followers, push_threshold=100_000) is pushed


def read_feed(fanout: Fanout) -> dict[str, tuple[str, ...]]:
    """Steps of a feed read by name, each with the steps that it waits for."""
    return {step.name: step.after for step in load().flows["read_feed"].steps_for(fanout)}


def test_push_reads_the_prepared_feed() -> None:
    steps = read_feed(Fanout.PUSH)

    assert not steps.keys() & {"followees", "followees_posts", "sort", "pulled_posts"}
    assert steps["feed_cache"] == ("feed_reader",)
    assert steps["hydration"] == ("feeds_db", "feed_reader")


def test_pull_asks_for_followees_and_their_posts_and_sorts_them() -> None:
    steps = read_feed(Fanout.PULL)

    assert not steps.keys() & {"feed_cache", "feeds_db", "pulled_posts"}
    assert steps["followees"] == ("feed_reader",)
    assert steps["sort"] == ("followees_posts",)
    assert steps["hydration"] == ("feed_reader", "sort")


def test_hybrid_reads_the_prepared_feed_and_pulls_the_rest_beside_it() -> None:
    steps = read_feed(Fanout.HYBRID)

    assert not steps.keys() & {"followees", "followees_posts", "sort"}
    assert steps["feed_cache"] == ("feed_reader",)
    assert steps["pulled_posts"] == ("feed_reader",)
    assert set(steps["hydration"]) == {"feeds_db", "pulled_posts", "feed_reader"}


@pytest.mark.parametrize("fanout", Fanout)
def test_a_step_comes_after_those_that_it_waits_for(fanout: Fanout) -> None:
    for flow in load().flows.values():
        done: set[str] = set()
        for step in flow.steps_for(fanout):
            assert done.issuperset(step.after)
            done.add(step.name)


def test_pull_posts_end_with_their_confirmation() -> None:
    steps = load().flows["text_post"].steps_for(Fanout.PULL)

    assert [step.name for step in steps] == [
        "api_gateway",
        "load_balancer",
        "post_writer",
        "posts_db",
    ]


def test_a_chain_of_steps_left_out_is_bridged() -> None:
    flow = Flow.model_validate(
        {
            "title": "a chain",
            "per_user": 1,
            "steps": [
                {"box": "a"},
                {"box": "b", "when": ["pull"]},
                {"box": "c", "when": ["pull"]},
                {"box": "d"},
            ],
        }
    )

    assert {step.name: step.after for step in flow.steps_for(Fanout.PUSH)} == {
        "a": (),
        "d": ("a",),
    }

"""news_feed against the design document: its flows take the document's steps, in its order."""

import pytest

from scenarios.fanout import Fanout
from scenarios.loader import load

# Number and box of each step, as the document's flows list them. Left out: what no box does (the
# user's click, the answers in steps 4 and 8). "2" names two boxes: routed by the gateway through
# the load balancer to the service.
FAN_OUT = ["message_queue", "feed_generator", "posts_db", "follow_db", "feeds_db", "feed_cache"]
DOCUMENT: dict[str, list[tuple[str, str]]] = {
    "follow": [
        ("1", "api_gateway"),
        ("2", "load_balancer"),
        ("2", "follow_service"),
        ("3", "follow_db"),
    ],
    "unfollow": [
        ("1", "api_gateway"),
        ("2", "load_balancer"),
        ("2", "follow_service"),
        ("3", "follow_db"),
    ],
    "text_post": [
        ("1", "api_gateway"),
        ("2", "load_balancer"),
        ("2", "post_writer"),
        ("3", "posts_db"),
        *zip(["5", "6", "7", "8", "9", "10"], FAN_OUT, strict=True),
    ],
    "media_post": [
        ("1", "api_gateway"),
        ("2", "load_balancer"),
        ("2", "upload_signer"),
        ("3", "object_storage"),
        ("media 2", "media_processor"),
        ("media 3", "object_storage"),
        ("5", "api_gateway"),
        ("6", "load_balancer"),
        ("6", "post_writer"),
        ("7", "posts_db"),
        *zip(["9", "10", "11", "12", "13", "14"], FAN_OUT, strict=True),
    ],
    "read_feed": [
        ("1", "api_gateway"),
        ("2", "load_balancer"),
        ("2", "feed_reader"),
        ("3", "feed_cache"),
        ("3b", "likes_cache"),
        ("5", "cdn"),
        ("5", "object_storage"),
    ],
    "like": [
        ("1", "api_gateway"),
        ("2", "load_balancer"),
        ("2", "like_service"),
        ("3", "likes_db"),
        ("4", "likes_cache"),
        ("5", "message_queue"),
    ],
    "comment": [
        ("1", "api_gateway"),
        ("2", "load_balancer"),
        ("2", "comment_service"),
        ("3", "comments_db"),
        ("5", "message_queue"),
    ],
    # Step 6 of both the like and the comment flow.
    "notification": [("6", "notification_service")],
}
# The document's first design: step 2 of a text post's reader, before feeds are prepared.
PULL_ONLY_READ = [
    ("1", "api_gateway"),
    ("2", "load_balancer"),
    ("2", "feed_reader"),
    ("pull 1", "follow_db"),
    ("pull 2", "posts_db"),
    ("pull 3", "feed_reader"),
    ("3b", "likes_cache"),
    ("5", "cdn"),
    ("5", "object_storage"),
]


def documented_steps(flow: str, fanout: Fanout) -> list[tuple[str, str]]:
    """Number and box of each step of the document's, in the order of the file."""
    steps = load().flows[flow].steps
    return [(step.doc, step.box) for step in steps if step.doc and fanout in step.when]


def test_all_flows_of_the_document_are_there() -> None:
    assert list(load().flows) == list(DOCUMENT)


@pytest.mark.parametrize("flow", DOCUMENT)
def test_a_flow_takes_the_documents_steps_in_its_order(flow: str) -> None:
    assert documented_steps(flow, Fanout.PUSH) == DOCUMENT[flow]


def test_the_pull_design_reads_as_the_documents_first_design() -> None:
    assert documented_steps("read_feed", Fanout.PULL) == PULL_ONLY_READ


@pytest.mark.parametrize("flow", DOCUMENT)
def test_numbered_steps_are_taken_in_order(flow: str) -> None:
    taken = [step.name for step in load().flows[flow].steps_for(Fanout.PUSH) if step.doc]
    written = [step.name for step in load().flows[flow].steps if step.name in taken]

    # Media is processed beside what follows it in the document's numbering.
    beside = {"media_processor", "renditions"}
    assert [name for name in taken if name not in beside] == [
        name for name in written if name not in beside
    ]


@pytest.mark.parametrize("flow", ["text_post", "media_post", "like", "comment"])
def test_what_follows_the_confirmation_is_not_waited_for(flow: str) -> None:
    steps = {step.name: step for step in load().flows[flow].steps}

    assert steps["message_queue"].mode == "background"


def test_the_feed_generator_and_the_media_processor_take_from_a_queue() -> None:
    steps = {step.name: step for step in load().flows["media_post"].steps}

    assert steps["feed_generator"].mode == steps["media_processor"].mode == "queued"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("population.dau", 500e6),
        ("population.mau", 2e9),
        ("activity.posting_share", 0.1),
        ("activity.posts_read", 100),
        ("activity.likes", 3),
        ("activity.comments", 3),
        ("activity.posts.text.share", 0.2),
        ("activity.posts.image.share", 0.6),
        ("activity.posts.video.share", 0.2),
        ("activity.posts.text.size", 100e3),
        ("activity.posts.image.size", 0.5e6),
        ("activity.posts.video.size", 20e6),
        ("storage.retention", 10 * 365 * 86_400),
        ("caches.daily_share", 0.01),
        ("objectives.availability", 0.99999),
        ("objectives.freshness_p99", 2),
        ("objectives.p99.read_feed", 1),
    ],
)
def test_a_figure_of_the_document_is_as_it_states(key: str, value: float) -> None:
    assumption = dict(load().assumptions())[key]

    assert assumption == pytest.approx(value, rel=1e-12)
    assert assumption.source.startswith("design document")
    assert (assumption.low, assumption.high) == (None, None)

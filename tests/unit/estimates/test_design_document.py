"""Every figure that the design document states, against what the program computes of it."""

import math

import pytest

from scenarios.loader import load
from sim.estimates.document import estimate_document, estimate_rows, estimated
from sim.results.estimates import EstimateRow

TB, PB = 1e12, 1e15

COMPUTED = {
    "dau": 500e6,
    "mau": 2e9,
    "posts_per_day": 50e6,
    "posts_per_s": 578.7037,
    "post_reads_per_day": 50e9,
    "post_reads_per_s": 578_703.7,
    "feed_pages_per_day": 2.5e9,
    "feed_pages_per_s": 28_935.19,
    "likes_per_day": 1.5e9,
    "comments_per_day": 1.5e9,
    "follows_per_day": 100e6,
    "uploads_per_day": 40e6,
    "feed_inserts_per_day": 9.55e9,
    "feed_inserts_per_s": 110_532.4,
    "notifications_per_day": 2.85e9,
    "text_bytes_per_day": 1 * TB,
    "image_bytes_per_day": 15 * TB,
    "video_bytes_per_day": 200 * TB,
    "post_bytes_per_day": 216 * TB,
    "post_bytes_retained": 788.4 * PB,
    "cache_bytes": 2.16 * TB,
    "ingress_bytes_per_s": 2.5e9,
    "mean_post_bytes": 4.32e6,
    "egress_bytes_per_day": 216 * PB,
    "egress_bytes_per_s": 2.5 * TB,
}
"""The arithmetic, unrounded; posts a page, followers, follows and own posts are ours."""

STATED = {
    "dau": 500e6,
    "mau": 2e9,
    "posts_per_day": 50e6,
    "post_reads_per_day": 50e9,
    "likes_per_day": 1.5e9,
    "comments_per_day": 1.5e9,
    "text_bytes_per_day": 1 * TB,
    "image_bytes_per_day": 15 * TB,
    "video_bytes_per_day": 200 * TB,
    "post_bytes_per_day": 216 * TB,
    "post_bytes_retained": 750 * PB,
    "cache_bytes": 2 * TB,
    "ingress_bytes_per_s": 2.5e9,
    "mean_post_bytes": 4.32e6,
    "egress_bytes_per_day": 216 * PB,
    "egress_bytes_per_s": 2.5 * TB,
}
"""As the document prints them."""

PROMISED = (
    *COMPUTED,
    "peak_post_reads_per_s",
    "peak_egress_bytes_per_s",
)
"""Names that users of `estimate --json` may rely on."""


def rows(*overrides: str, dau: float | None = None) -> dict[str, EstimateRow]:
    estimation = estimated(load("news_feed", dau=dau, overrides=overrides))
    return {row.name: row for row in estimate_rows(estimation)}


@pytest.fixture(scope="module")
def document() -> dict[str, EstimateRow]:
    return rows()


@pytest.mark.parametrize("name", COMPUTED)
def test_the_arithmetic_is_the_documents(name: str, document: dict[str, EstimateRow]) -> None:
    assert document[name].value == pytest.approx(COMPUTED[name], rel=1e-6)


@pytest.mark.parametrize("name", STATED)
def test_what_the_document_states_stands_beside_it(
    name: str, document: dict[str, EstimateRow]
) -> None:
    assert document[name].stated == STATED[name]
    assert document[name].difference == pytest.approx(COMPUTED[name] / STATED[name] - 1, abs=1e-9)


def test_its_rounding_is_told(document: dict[str, EstimateRow]) -> None:
    assert document["post_bytes_retained"].difference == pytest.approx(0.0512)
    assert document["cache_bytes"].difference == pytest.approx(0.08)


def test_nothing_else_is_said_to_be_stated(document: dict[str, EstimateRow]) -> None:
    assert {name for name, row in document.items() if row.stated is not None} == set(STATED)


@pytest.mark.parametrize("name", PROMISED)
def test_every_promised_name_is_there(name: str, document: dict[str, EstimateRow]) -> None:
    assert name in document


def test_the_peak_is_busier_than_the_mean(document: dict[str, EstimateRow]) -> None:
    over_mean = document["peak_to_mean"].value
    assert 1.2 < over_mean < 1.7
    assert document["peak_post_reads_per_s"].value == pytest.approx(578_703.7 * over_mean)
    assert document["peak_egress_bytes_per_s"].value == pytest.approx(2.5 * TB * over_mean)


def stated_names(*overrides: str, dau: float | None = None) -> set[str]:
    return {name for name, row in rows(*overrides, dau=dau).items() if row.stated is not None}


def test_saying_the_documents_own_users_keeps_what_it_states() -> None:
    assert stated_names(dau=500e6) == set(STATED)


def test_other_users_take_away_all_that_rests_on_them() -> None:
    assert stated_names(dau=400e6) == {"mean_post_bytes"}


@pytest.mark.parametrize(
    ("override", "lost"),
    [
        ("population.mau=3B", {"mau"}),
        ("activity.likes=4", {"likes_per_day"}),
        (
            "activity.posts_read=50",
            {"post_reads_per_day", "egress_bytes_per_day", "egress_bytes_per_s"},
        ),
        ("storage.retention=5y", {"post_bytes_retained"}),
        ("caches.daily_share=2%", {"cache_bytes"}),
        (
            "activity.posting_share=20%",
            {
                "posts_per_day",
                "text_bytes_per_day",
                "image_bytes_per_day",
                "video_bytes_per_day",
                "post_bytes_per_day",
                "post_bytes_retained",
                "cache_bytes",
                "ingress_bytes_per_s",
            },
        ),
        ("boxes.posts_db.workers=8", set()),
    ],
)
def test_another_input_takes_away_what_rests_on_it(override: str, lost: set[str]) -> None:
    assert stated_names(override) == set(STATED) - lost


def test_other_shares_of_posts_take_away_every_figure_in_bytes() -> None:
    kept = stated_names("activity.posts.text.share=30%", "activity.posts.video.share=10%")

    assert kept == {name for name in STATED if "bytes" not in name}


@pytest.mark.parametrize(
    "name", ["news_feed", "startup", "celebrity", "region_outage", "flash_crowd", "twitter_2013"]
)
def test_every_estimate_is_a_finite_number_with_unit_formula_and_range(name: str) -> None:
    document = estimate_document(estimated(load(name)))

    names = [row.name for row in document.estimates]
    assert len(names) == len(set(names))
    for row in document.estimates:
        assert row.unit
        assert row.formula
        assert row.low is not None
        assert row.high is not None
        assert row.low <= row.value <= row.high, row.name
        assert all(map(math.isfinite, (row.low, row.value, row.high))), row.name
        assert row.value >= 0, row.name
        assert row.unit != "share" or row.high <= 1, row.name

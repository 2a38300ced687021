"""Every estimate of a town of round numbers (round_town.toml), worked out on paper."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest
from scipy import integrate, optimize

from scenarios.loader import load
from scenarios.model import Scenario
from sim.estimates.document import estimate_rows, estimated
from sim.estimates.storage import grown_years

TOWN = str(Path(__file__).parent / "round_town.toml")

THROUGHPUT = {
    "dau": 86_400,
    "mau": 345_600,
    "posts_per_day": 8_640,
    "posts_per_s": 0.1,
    "text_posts_per_day": 4_320,
    "uploads_per_day": 4_320,
    "image_share_of_uploads": 0.5,
    "video_share_of_uploads": 0.5,
    "post_reads_per_day": 864_000,
    "post_reads_per_s": 10,
    "posts_per_page": 5,
    "feed_pages_per_day": 172_800,
    "feed_pages_per_s": 2,
    "likes_per_day": 172_800,
    "comments_per_day": 86_400,
    "likes_per_post": 20,
    "follows_per_day": 43_200,
    "unfollows_per_day": 21_600,
    "notifications_per_day": 129_600,
    "sessions_per_day": 172_800,
    "queue_events_per_day": 267_840,
    "queue_events_per_s": 3.1,
}

STORAGE = {
    "text_bytes_per_day": 4_320 * 1e3,
    "image_bytes_per_day": 2_160 * 1e6,
    "video_bytes_per_day": 2_160 * 10e6,
    "post_bytes_per_day": 23_764_320_000,
    "post_bytes_retained": 26_021_930_400_000,  # 1,095 days
    "growth_over_retention": (1 + 2 + 4) / 3,
    "post_bytes_retained_with_growth": 60_717_837_600_000,
    # Half of the images' and a quarter of the videos' bytes more: 6.48 GB.
    "renditions_factor": 30_244_320_000 / 23_764_320_000,
    "renditions_per_upload": 6,  # 4 and 8
    "stored_bytes_per_day": 30_244_320_000,
    "media_bytes_retained_with_copies": 154_548_475_200_000,
    "post_rows_bytes_retained": 8_640 * 2_555 * 1_000,  # 365 + 730 + 1,460 days of today's
    "like_bytes_retained": 172_800 * 2_555 * 100,
    "comment_bytes_retained": 86_400 * 2_555 * 200,
    "post_rows_bytes_first_year": 3_153_600_000,
    "like_bytes_first_year": 6_307_200_000,
    "comment_bytes_first_year": 6_307_200_000,
    "stored_bytes_first_year": 11_039_176_800_000,
    "follow_bytes": 34_560_000,
    "user_bytes": 345_600_000,
    "notification_bytes": 64_800_000,
    "row_bytes_with_copies": 664_925_760_000,  # 110.82 GB six times
    "queue_bytes_per_day": 26_784_000,
}

MEMORY = {
    "cache_bytes": 237_643_200,
    "feeds_cached": 118_821.6,
    # Every feed is read as often as any other: the hit ratio is the part that is cached.
    "feed_cache_hit_ratio": 118_821.6 / 345_600,
    "feed_cache_bytes_for_target": 172_800 * 2_000,
    "feed_cache_bytes_for_target_in_10_years": 172_800 * 2_000 * 1_024,
    "feed_cache_hit_ratio_if_not_grown": 118_821.6 / 345_600 / 1_024,
    "hot_posts": 43_200,
    "working_set_posts": 34_560,
    "likes_cache_bytes": 2_764_800,
    "likes_cache_hit_ratio": 0.9,
}

NETWORK = {
    "ingress_bytes_per_s": 275_050,
    "mean_post_bytes": 500 + 250_000 + 2_500_000,
    "egress_bytes_per_day": 2_376_432_000_000,
    "egress_bytes_per_s": 27_505_000,
    "peak_egress_bytes_per_s": 34_381_250,
    # A fifth is slow; of the others one in four is at a desk.
    "delivered_of_image": 0.2 * 0.25 + 0.2 * 0.75 + 0.6 * 0.5,
    "delivered_of_video": 0.2 * 0.125 + 0.2 * 0.9 + 0.6 * 0.5,
    "mean_delivered_bytes": 2_775_000,  # of 0.5 and 5.05 MB
    "delivered_bytes_per_day": 864_000 * (500 + 125_000 + 1_262_500),
    "peak_delivered_bytes_per_s": 17_350_000,
    "cdn_fetches_per_page": 1.25,
    "cdn_fetches_per_day": 216_000,
    "cdn_egress_bytes_per_day": 599.4e9,
    "peak_cdn_egress_bytes_per_s": 8_671_875,
    "cdn_objects": 21_600,
    "cdn_hit_ratio": 0.75,
    # Every object is asked for as often as any other: the hit ratio is the part that is held.
    "cdn_bytes_for_hit_ratio": 16_200 * 2.775e6,
    "cdn_bytes_for_hit_ratio_by_lru": 16_200 * 2.775e6,
    "origin_egress_bytes_per_day": 149.85e9,
    "api_egress_bytes_per_day": 172_800 * 2_000 + 332_640 * 100,
    "writes_per_day": 332_640,
    "api_share_of_egress": 378_864_000 / 599_778_864_000,
}

FEEDS = {
    "feed_inserts_per_day": 86_400,
    "feed_inserts_per_s": 1,
    "away_share": 0.75,
    "feed_inserts_to_away_users_per_day": 64_800,
    "inactive_share": 0.5,
    "feed_inserts_to_inactive_users_per_day": 43_200,
    "mean_followers_pushed": 10,
    "pushed_follower_share": 1,
    "feed_inserts_pushed_per_day": 86_400,
    "pulled_followees_per_read": 0,
    "feed_bytes_per_user": 2_000,
    "feeds_bytes": 691_200_000,
    "daily_feeds_bytes_packed": 172_800_000,
    "daily_feeds_bytes_sorted_set": 864_000_000,
}

PEAK = {
    # East is at 1.5 while west, twelve hours away, is at 0.5: 0.75 * 1.5 + 0.25 * 0.5.
    "peak_to_mean": 1.25,
    "peak_hour": 12,
    "peak_post_reads_per_s": 12.5,
    "peak_feed_pages_per_s": 2.5,
    "peak_posts_per_s": 0.125,
    "peak_concurrent_users": 250,
    "peak_to_mean_east": 1.5,
    "peak_hour_east": 12,
    "peak_to_mean_west": 1.5,
    "peak_hour_west": 0,
}

BOXES = {
    "requests_per_s": 4.1,
    "peak_requests_per_s": 5.125,
    "visits_per_s": 13.5,
    "visits_per_request": 13.5 / 4.1,
    "peak_visits_per_s_edge": 2 * 1.25,
    "peak_visits_per_s_web": 4.1 * 1.25,
    "peak_visits_per_s_db": 3.1 * 1.25,  # half of the pages miss
    "peak_visits_per_s_cache": 2.2 * 1.25,  # ten followers in chunks of five
    "peak_visits_per_s_queue": 2.1 * 1.25,
    "instances_edge": 10,
    "instances_web": 14,
    "instances_db": 29,
    "instances_cache": 14,
    "instances_queue": 2,
    "fleet_instances": 69,
}

AVAILABILITY = {
    # Both of two regions down, or 36 s of failing over once in 1,000 hours.
    "unavailability_regions": 0.001**2 + 36 / 3_600_000,
    "unavailability_global": 0.0001,
}

COST = {  # all at nine tenths
    "usd_services": (10 * 0.1 + 14 * 0.2) * 730 * 0.9,
    "usd_stores": (29 * 0.5 + 2 * 0.05) * 730 * 0.9,
    "usd_caches": 14 * 0.3 * 730 * 0.9,
    "usd_store_disks": 25.2288 * 0.1 * 0.9,
    "usd_object_storage": 11_039.1768 * 0.02 * 0.9,
    "usd_object_requests": (0.9198 * 10 + 1.7739 * 2) * 0.9,
    "usd_egress": (10 * 0.1 + 100 * 0.05 + 18_133.27378 * 0.01) * 0.9,
    "usd_origin_fetch": 4_557.9375 * 0.02 * 0.9,
    "usd_between_zones": 7.68252 * 0.03 * 0.9,
    "usd_per_month": 15_311.49676146,
    "usd_per_dau_per_month": 0.177216409,
    "usd_object_storage_at_retention": 77_274.2376 * 0.02 * 0.9,
}

PAPER = THROUGHPUT | STORAGE | MEMORY | NETWORK | FEEDS | PEAK | BOXES | AVAILABILITY | COST

ELSEWHERE = {
    "edge_share_above_threshold",
    "feed_inserts_above_threshold_per_day",
    "unavailability_boxes",
    "unavailability",
    "availability",
    "downtime_s_per_year",
}
"""Worked out below by other means."""


def values(scenario: Scenario) -> Mapping[str, float]:
    return {row.name: row.value for row in estimate_rows(estimated(scenario))}


@pytest.fixture(scope="module")
def town() -> Mapping[str, float]:
    return values(load(TOWN))


@pytest.mark.parametrize("name", PAPER)
def test_an_estimate_is_what_paper_gives(name: str, town: Mapping[str, float]) -> None:
    assert town[name] == pytest.approx(PAPER[name], rel=1e-7)


def test_no_estimate_is_left_out(town: Mapping[str, float]) -> None:
    assert set(town) == set(PAPER) | ELSEWHERE


def followers_density(followers: float, scale: float) -> float:
    """Density of followers before the cut-off, up to a factor: the tail falls with exponent 3."""
    return (1 + followers / scale) ** -3


def moment(power: int, low: float, high: float, scale: float) -> float:
    return float(
        integrate.quad(lambda x: x**power * followers_density(x, scale), low, high, limit=500)[0]
    )


def test_edges_to_big_authors_are_the_tails_part_of_the_mean(town: Mapping[str, float]) -> None:
    # The scale for which the mean up to 1,000 followers is 10, by quadrature.
    scale = optimize.brentq(lambda s: moment(1, 0, 1e3, s) / moment(0, 0, 1e3, s) - 10, 1, 100)

    above = moment(1, 100, 1e3, scale) / moment(1, 0, 1e3, scale)

    assert town["edge_share_above_threshold"] == pytest.approx(above, rel=1e-6)
    assert town["feed_inserts_above_threshold_per_day"] == pytest.approx(86_400 * above, rel=1e-6)


def down_with_zones_lost(*, instances: int, needed: int, lost: int) -> float:
    """Probability that fewer than `needed` instances are up when so many of three zones are down.

    Any zones alike may be the lost ones; an instance in the others is down 1 % of the time.
    """
    states = [up for up in product([True, False], repeat=3) if up.count(False) == lost]
    total = 0.0
    for zones_up in states:
        reachable = sum(
            instances // 3 + (zone < instances % 3) for zone, up in enumerate(zones_up) if up
        )
        some_up = [1.0]
        for _ in range(reachable):
            padded = [0.0, *some_up], [*some_up, 0.0]
            some_up = [0.99 * one + 0.01 * none for one, none in zip(*padded, strict=True)]
        total += sum(some_up[:needed])
    return total / len(states)


def test_a_box_is_down_when_too_few_of_its_instances_are_up(town: Mapping[str, float]) -> None:
    # Busy workers at the region's own peak over 95 % of an instance's, and instances, of the boxes
    # that a caller waits for: edge, web, cache and db.
    east = {"edge": (1, 5), "web": (3, 7), "cache": (1, 10), "db": (2, 19)}
    west = {"edge": (1, 5), "web": (1, 7), "cache": (1, 4), "db": (1, 10)}
    # A zone is down 1 % of the time: for all boxes alike, so they share its bad days.
    zones_lost = {0: 0.970299, 1: 0.029403, 2: 0.000297, 3: 0.000001}
    down = 0.0
    for share, boxes in ((0.75, east), (0.25, west)):
        for lost, probability in zones_lost.items():
            up = 1.0
            for needed, instances in boxes.values():
                up *= 1 - down_with_zones_lost(instances=instances, needed=needed, lost=lost)
            down += share * probability * (1 - up)

    assert town["unavailability_boxes"] == pytest.approx(down, rel=1e-6)


def test_causes_of_failure_are_in_series(town: Mapping[str, float]) -> None:
    up = (1 - town["unavailability_boxes"]) * (1 - 1.1e-5) * (1 - 1e-4)

    assert town["availability"] == pytest.approx(up, rel=1e-12)
    assert town["unavailability"] == pytest.approx(1 - up, rel=1e-7)
    assert town["downtime_s_per_year"] == pytest.approx((1 - up) * 31_536_000, rel=1e-7)


@pytest.mark.parametrize(
    ("growth_per_year", "years", "volumes"),
    [
        (0, 10, 10),
        (1, 3, 7),
        (1, 1, 1),
        (0.5, 2, 2.5),
        (1, 2.5, 1 + 2 + 0.5 * 4),
        (0.5, 0.25, 0.25),
    ],
)
def test_growth_is_compounded_yearly(growth_per_year: float, years: float, volumes: float) -> None:
    assert grown_years(growth_per_year, years) == pytest.approx(volumes)


DESIGNS = {
    "push": {"mean_followers_pushed": 10.0, "pulled_followees_per_read": 0.0},
    "pull": {"mean_followers_pushed": 0.0, "pulled_followees_per_read": 10.0},
}


@pytest.mark.parametrize("design", DESIGNS)
def test_a_post_is_either_pushed_or_pulled(design: str) -> None:
    found = values(load(TOWN, overrides=[f"fanout={design}"]))

    assert {name: found[name] for name in DESIGNS[design]} == DESIGNS[design]


def test_the_hybrid_design_pulls_what_it_does_not_push() -> None:
    found = values(load(TOWN, overrides=["fanout=hybrid"]))

    pulled = found["edge_share_above_threshold"] * 10
    assert found["pulled_followees_per_read"] == pytest.approx(pulled)
    assert found["mean_followers_pushed"] == pytest.approx(10 - pulled)


def test_only_the_active_are_pushed_to_where_the_scenario_says_so() -> None:
    found = values(load(TOWN, overrides=["feed.push_to=active"]))

    assert found["feed_inserts_pushed_per_day"] == pytest.approx(43_200)
    assert found["feed_inserts_per_day"] == 86_400


def test_a_sorted_set_weighs_more_than_a_packed_list() -> None:
    found = values(load(TOWN, overrides=["feed.entry_encoding=sorted_set"]))

    assert found["feed_bytes_per_user"] == 10_000
    assert found["feeds_cached"] == pytest.approx(23_764.32)


def test_no_more_feeds_are_cached_than_there_are() -> None:
    found = values(load(TOWN, overrides=["caches.daily_share=10%"]))

    assert found["feeds_cached"] == 345_600
    assert found["feed_cache_hit_ratio"] == pytest.approx(1)


def test_a_town_that_posts_nothing_has_estimates_too() -> None:
    found = values(load(TOWN, overrides=["activity.posting_share=0%"]))

    assert found["likes_per_post"] == 0
    assert found["renditions_factor"] == 1
    assert found["working_set_posts"] == 0


def test_a_town_that_posts_text_alone_needs_no_cdn() -> None:
    found = values(
        load(
            TOWN,
            overrides=[
                "activity.posts.text.share=100%",
                "activity.posts.image.share=0%",
                "activity.posts.video.share=0%",
            ],
        )
    )

    assert found["mean_delivered_bytes"] == found["cdn_egress_bytes_per_day"] == 0
    assert found["api_share_of_egress"] == 1

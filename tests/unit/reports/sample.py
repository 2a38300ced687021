"""A document with the figures of a feed of 500 million users, as a simulation might give it."""

import math
from pathlib import Path

from sim.results.estimates import EstimateRow, ScenarioSummary
from sim.results.simulation import (
    AssumptionRow,
    Availability,
    AvailabilityPart,
    Cost,
    CostLine,
    Finding,
    FleetRow,
    FlowRow,
    Freshness,
    HourRow,
    ObjectiveRow,
    Reproduce,
    Run,
    Sampling,
    SensitivityRow,
    SimulationDocument,
    YearRow,
)

REGIONS = {"asia_pacific": 0.432, "rest_of_world": 0.321, "europe": 0.149, "us_canada": 0.098}

STATED = {
    "dau": 500e6,
    "mau": 2e9,
    "posts_per_day": 50e6,
    "post_reads_per_day": 50e9,
    "likes_per_day": 1.5e9,
    "comments_per_day": 1.5e9,
    "text_bytes_per_day": 1e12,
    "image_bytes_per_day": 15e12,
    "video_bytes_per_day": 200e12,
    "post_bytes_per_day": 216e12,
    "post_bytes_retained": 750e15,
    "cache_bytes": 2e12,
    "ingress_bytes_per_s": 2.5e9,
    "mean_post_bytes": 4.32e6,
    "egress_bytes_per_day": 216e15,
    "egress_bytes_per_s": 2.5e12,
}

# box: instances, workers, peak utilisation, with a region lost, limited by, USD an hour
BOXES = {
    "api_gateway": (111, 2, 0.34, 0.58, "workers", 0.0816),
    "load_balancer": (32, 2, 0.31, 0.55, "workers", 0.0816),
    "post_writer": (8, 2, 0.10, 0.17, "workers", 0.0816),
    "feed_generator": (8, 2, 0.07, 0.12, "workers", 0.0816),
    "feed_reader": (121, 2, 0.36, 0.59, "waiting", 0.0816),
    "follow_service": (9, 2, 0.13, 0.22, "workers", 0.0816),
    "comment_service": (41, 2, 0.31, 0.54, "workers", 0.0816),
    "like_service": (34, 2, 0.30, 0.53, "workers", 0.0816),
    "notification_service": (71, 2, 0.34, 0.57, "workers", 0.0816),
    "upload_signer": (8, 2, 0.03, 0.05, "workers", 0.0816),
    "media_processor": (3898, 2, 0.36, 0.6, "workers", 0.0816),
    "posts_db": (34, 4, 0.32, 0.56, "workers", 0.2142),
    "feeds_db": (29, 4, 0.61, 0.78, "waiting", 0.2142),
    "comments_db": (130, 4, 0.06, 0.11, "disk", 0.2142),
    "likes_db": (30, 4, 0.19, 0.33, "disk", 0.2142),
    "follow_db": (29, 4, 0.03, 0.06, "disk", 0.2142),
    "users_db": (24, 4, 0.27, 0.48, "waiting", 0.2142),
    "notifications_db": (35, 4, 0.31, 0.55, "waiting", 0.2142),
    "feed_cache": (90, 4, 0.02, 0.04, "memory", 0.436),
    "likes_cache": (10, 4, 0.21, 0.38, "workers", 0.436),
    "message_queue": (17, 4, 0.26, 0.46, "waiting", 0.2142),
    "object_storage": (116, 256, 0.18, 0.31, "bandwidth", 0.0),
    "cdn": (267, 256, 0.02, 0.03, "bandwidth", 0.0),
}

# flow: title, requests a second on average, requests simulated, median, p99 in seconds
FLOWS: dict[str, tuple[str, float, int, float | None, float | None]] = {
    "follow": ("Follow a user", 1157, 2481, 0.0036, 0.0121),
    "unfollow": ("Unfollow a user", 231, 497, 0.0036, None),
    "text_post": ("Create a text post", 116, 1204, 0.0051, 0.0164),
    "media_post": ("Create an image or video post", 463, 4816, 0.0062, 0.0189),
    "read_feed": ("Load a feed page", 28935, 61893, 0.0121, 0.0312),
    "like": ("Like a post", 17361, 37241, 0.0041, 0.0128),
    "comment": ("Comment on a post", 17361, 37236, 0.0046, 0.0139),
    "notification": ("Notify a user", 32986, 70711, 0.0052, 0.0231),
}

COST_LINES = {
    "egress": (45_183_630, "CDN and API bytes a month, through the price tiers"),
    "object_storage": (2_621_430, "originals and renditions of the first year × price"),
    "services": (258_585, "instances of edge and service boxes × price × 730 h"),
    "store_disks": (156_775, "bytes held by the stores, copies included × price of disk"),
    "object_requests": (94_851, "uploads at the PUT price, CDN misses at the GET price"),
    "stores": (51_288, "instances of stores and queues × price × 730 h"),
    "caches": (31_828, "instances of caches × price × 730 h"),
    "between_zones": (13_823, "what the API sends, two thirds of it to another zone × price"),
    "origin_fetch": (0, "bytes from object storage to the CDN × price"),
}

# key: value, text, low, high, unit, dimension, source
ASSUMPTIONS: dict[str, tuple[float, str, float | None, float | None, str, str, str]] = {
    "population.dau": (5e8, "500M", None, None, "users", "count", "design document"),
    "population.mau": (2e9, "2B", None, None, "users", "count", "design document"),
    "population.growth_per_year": (
        0.08,
        "8%",
        0,
        0.25,
        "",
        "share",
        "assumption: a mature network",
    ),
    "population.regions.europe.share": (
        *(0.149, "14.9%", None, None, "", "share"),
        "Meta, DAU by region, Q2 2023",
    ),
    "activity.posting_share": (0.1, "10%", None, None, "of users", "share", "design document"),
    "activity.posts_read": (100, "100", None, None, "posts/day", "count", "design document"),
    "activity.posts_per_page": (20, "20", 10, 50, "posts", "count", "the API's default page"),
    "activity.sessions": (14, "14", 8, 20, "sessions/day", "count", "IDC 2013: 14 visits a day"),
    "activity.session_length": (142, "2.367m", 60, 300, "", "duration", "IDC 2013: 2 min 22 s"),
    "activity.followers.mean": (
        *(191, "191", 35, 350, "followers", "count"),
        "Four Degrees of Separation (Facebook 2011: 191); low: Twitter 2009 (35.25)",
    ),
    "storage.media_copies": (2.8, "2.8", 2.1, 3.6, "copies", "number", "f4, OSDI 2014"),
    "delivery.video.phone": (1, "1", 0.25, None, "", "", "design document"),
    "storage.post_row": (1500, "1.5KB", 500, 4000, "", "size", "assumption: text, URL, index"),
    "caches.cdn_hit_ratio": (0.58, "58%", 0.5, 0.95, "", "share", "Huang et al., SOSP 2013"),
    "caches.browser_hit_ratio": (0.655, "65.5%", 0.5, 0.75, "", "share", "Huang et al., SOSP 2013"),
    "prices.egress.6": (0.02, "0.02", 0.002, 0.06, "USD/GB", "number", "CloudFront price page"),
    "prices.object_storage": (0.021, "0.021", 0.004, 0.023, "USD/GB", "number", "S3 list price"),
    "prices.discount": (0, "0%", None, 0.5, "", "share", "list prices; high: committed use"),
    "boxes.feed_reader.service_time": (0.002, "2ms", 0.001, 0.004, "", "duration", "assumption"),
    "boxes.media_processor.service_time": (3, "3s", 1, 10, "", "duration", "assumption"),
    "boxes.cdn.scv": (1, "1", None, None, "", "number", ""),
}

# assumption: low, high, USD a month at low and at high
SWINGS = {
    "prices.egress.6": ("0.002", "0.06", 8.1e6, 136.2e6),
    "delivery.video.phone": ("0.25", "1", 14.9e6, 48.4e6),
    "caches.browser_hit_ratio": ("50%", "75%", 68.1e6, 35.4e6),
    "prices.discount": ("0%", "50%", 48.4e6, 24.2e6),
    "prices.object_storage": ("0.004", "0.023", 46.3e6, 48.7e6),
    "storage.image_renditions": ("0.2", "0.8", 48.39e6, 48.46e6),
    "storage.video_renditions": ("0.3", "1.2", 47.9e6, 49.4e6),
    "boxes.media_processor.service_time": ("1s", "10s", 48.26e6, 48.95e6),
    "storage.post_row": ("500B", "4KB", 48.40e6, 48.44e6),
    "activity.followers.mean": ("35", "350", 48.38e6, 48.45e6),
    "prices.origin_fetch": ("0", "0.02", 48.4e6, 67.3e6),
    "storage.comment_row": ("150B", "600B", 48.33e6, 48.55e6),
    "prices.store_disk": ("0.045", "0.25", 48.34e6, 48.75e6),
    "activity.follows": ("0.05", "0.5", 48.41e6, 48.42e6),
}


def simulation() -> SimulationDocument:
    """Return the document of a news feed with one objective missed and some values not known."""
    return SimulationDocument(
        scenario=ScenarioSummary(
            name="news_feed",
            title="A social feed for 500 million people a day",
            description="Text, image and video posts, feeds prepared in advance through a message "
            "queue (push), served from caches and a CDN, in four regions.",
            dau=5e8,
            mau=2e9,
            fanout="push",
        ),
        estimates=_estimates(),
        assumptions=tuple(AssumptionRow(key, *row) for key, row in ASSUMPTIONS.items()),
        fleet=_fleet(),
        flows=tuple(_flow(name) for name in FLOWS),
        freshness=Freshness(p50_s=0.0187, p99_s=0.412, p99_ci_s=(0.381, 0.448), posts=6020),
        availability=_availability(),
        cost=_cost(),
        objectives=_objectives(),
        findings=(
            Finding(
                "problem",
                "Availability is 99.9987 %, short of five nines: failures of everything at once "
                "take 360 s a year. Only fewer or shorter global failures help, not more spares.",
            ),
            Finding("warning", "Unfollows were too rare for a 99th percentile; run longer."),
            Finding(
                "note", "Three quarters of all feed inserts go to users who are away that day."
            ),
        ),
        day=tuple(_hour(hour) for hour in range(24)),
        years=tuple(_year(year) for year in range(1, 11)),
        sensitivity=_sensitivity(),
        sampling=Sampling("asia_pacific", 13, 0.0125, 5, 60.0, 10.0),
        reproduce=Reproduce(
            command="socialfeed simulate news_feed --dau 500M --seed 1 --out report",
            versions={
                "socialfeed": "0.1.0",
                "python": "3.11.9",
                "numpy": "2.4.6",
                "simpy": "4.1.2",
            },
        ),
        run=Run(seed=1, wall_s=21.4, requests=216_079, visits=1_581_402),
    )


def _estimates() -> tuple[EstimateRow, ...]:
    text = Path(__file__).with_name("sample_estimates.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return tuple(_estimate(line) for line in lines)


def _estimate(line: str) -> EstimateRow:
    name, section, value_text, unit, formula = line.split(" | ", maxsplit=4)
    value, stated = float(value_text), STATED.get(name)
    swing = 0.0 if stated else 0.3
    return EstimateRow(
        name=name,
        section=section,
        value=value,
        unit=unit,
        formula=formula,
        low=None if section == "peak" else value * (1 - swing),
        high=None if section == "peak" else value * (1 + swing),
        stated=stated,
        difference=None if stated is None else value / stated - 1,
        source="",
    )


def _fleet() -> tuple[FleetRow, ...]:
    return tuple(
        FleetRow(
            box=box,
            region=region,
            instances=max(2, round(instances * share)),
            workers=workers,
            peak_utilisation=peak,
            utilisation_region_lost=lost,
            limited_by=limited_by,
            usd_per_month=max(2, round(instances * share)) * usd_per_hour * 730,
            simulated_utilisation=peak * 1.01 if region == "asia_pacific" else None,
        )
        for box, (instances, workers, peak, lost, limited_by, usd_per_hour) in BOXES.items()
        for region, share in REGIONS.items()
    )


def _flow(name: str) -> FlowRow:
    title, _, requests, p50_s, p99_s = FLOWS[name]
    return FlowRow(
        flow=name,
        title=title,
        requests=requests,
        failed=0,
        mean_s=p50_s and p50_s * 1.15,
        p50_s=p50_s,
        p95_s=p50_s and p50_s * 1.9,
        p99_s=p99_s,
        p999_s=p99_s and p99_s * 1.7,
        p99_ci_s=None if p99_s is None else (p99_s * 0.96, p99_s * 1.05),
    )


def _availability() -> Availability:
    parts = {"boxes": 4.12e-07, "regions": 1.09e-06, "global": 1.1415e-05}
    year_s = 365 * 86_400
    total = sum(parts.values())
    return Availability(
        value=1 - total,
        downtime_s_per_year=total * year_s,
        parts=tuple(AvailabilityPart(name, lost, lost * year_s) for name, lost in parts.items()),
    )


def _cost() -> Cost:
    total = sum(usd for usd, _ in COST_LINES.values())
    return Cost(
        usd_per_month=total,
        low_usd_per_month=6.1e6,
        high_usd_per_month=139.8e6,
        usd_per_dau_per_month=total / 5e8,
        lines=tuple(CostLine(name, usd, formula) for name, (usd, formula) in COST_LINES.items()),
    )


def _objectives() -> tuple[ObjectiveRow, ...]:
    return (
        ObjectiveRow("read_feed_p99", "s", 1.0, 0.0312, met=True),
        ObjectiveRow("text_post_p99", "s", 1.0, 0.0164, met=True),
        ObjectiveRow("media_post_p99", "s", 2.0, 0.0189, met=True),
        ObjectiveRow("like_p99", "s", 0.5, 0.0128, met=True),
        ObjectiveRow("unfollow_p99", "s", 0.5, None, met=None),
        ObjectiveRow("freshness_p99", "s", 2.0, 0.412, met=True),
        ObjectiveRow("availability", "share", 0.99999, 0.999987083, met=False),
        ObjectiveRow("target_utilisation", "share", 0.8, 0.78, met=True),
    )


def _hour(hour: int) -> HourRow:
    load = 1 + 0.31 * math.cos((hour - 14) / 24 * 2 * math.pi)
    local = 0.62 + 0.38 * math.cos((hour - 13) / 24 * 2 * math.pi)
    waiting = 1 / (1.2 - 0.5 * local)
    return HourRow(
        hour=hour,
        requests_per_s={name: mean * load for name, (_, mean, *_) in FLOWS.items()},
        utilisation={box: figures[2] * local for box, figures in BOXES.items()},
        feed_p50_s=0.009 * waiting,
        feed_p99_s=0.0215 * waiting,
        write_p99_s=0.0098 * waiting,
        freshness_p95_s=None if hour in {4, 5} else 0.28 * waiting,
        events=("deploy of the feed reader",) if hour == 9 else (),
    )


def _year(year: int) -> YearRow:
    grown = sum(1.08**past for past in range(year))
    a_year_bytes = 216e12 * 365
    return YearRow(
        year=year,
        post_bytes=a_year_bytes * year,
        post_bytes_with_growth=a_year_bytes * grown,
        all_bytes_with_copies=a_year_bytes * grown * 4.45,
    )


def _sensitivity() -> tuple[SensitivityRow, ...]:
    cost = (
        SensitivityRow("usd_per_month", "USD/month", key, *swing) for key, swing in SWINGS.items()
    )
    storage = (
        SensitivityRow(
            *("media_bytes_retained_with_copies", "bytes", key, low, high),
            value_at_low=at_low,
            value_at_high=at_high,
        )
        for key, low, high, at_low, at_high in (
            ("population.growth_per_year", "0%", "25%", 3.5e18, 11.6e18),
            ("storage.media_copies", "2.1", "3.6", 3.8e18, 6.5e18),
        )
    )
    return (*cost, *storage)

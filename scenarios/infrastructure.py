"""What the system runs on: storage, delivery, caches, networks, failures, and what they cost."""

from typing import Annotated

from pydantic import Field, model_validator

from scenarios.assumption import (
    Bytes,
    Number,
    PositiveBytes,
    PositiveNumber,
    PositiveSeconds,
    Seconds,
    Share,
    ShareBelowOne,
    UsdPerGb,
    UsdPerGbMonth,
    UsdPerMillion,
    ZipfExponent,
)
from scenarios.errors import ImpossibleValueError
from scenarios.quantities import format_size
from scenarios.section import Section


class Storage(Section):
    """What is kept, how long, and in how many copies.

    Attributes:
        retention: seconds that posts are kept.
        media_copies: effective copies of media in object storage.
        row_copies: copies of every row in the stores of a region.
        region_copies: regions that hold a row, its home included.
        image_renditions, video_renditions: bytes of all renditions over the original's.
        image_objects, video_objects: objects that the renditions of one are stored as.
        post_row, like_row, comment_row, follow_row, notification_row, user_row: bytes of a row
            with its indexes.
        notification_retention: seconds that notifications are kept.
    """

    retention: PositiveSeconds
    media_copies: PositiveNumber
    row_copies: PositiveNumber
    region_copies: PositiveNumber
    image_renditions: Number
    video_renditions: Number
    image_objects: Number
    video_objects: Number
    post_row: Bytes
    like_row: Bytes
    comment_row: Bytes
    follow_row: Bytes
    notification_row: Bytes
    user_row: Bytes
    notification_retention: PositiveSeconds


class Delivered(Section):
    """What clients get of a kind of media: bytes of one rendition over the original's, by class.

    Attributes:
        phone: a phone on a connection that carries everything.
        slow: one on 3G, or that saves data.
        desktop: a large screen.
    """

    phone: Number
    slow: Number
    desktop: Number


class Delivery(Section):
    """Who asks for media, and which rendition they get.

    Attributes:
        slow_share: part of the fetches over slow connections.
        desktop_share: part of the other fetches that large screens make; phones make the rest.
        image, video: what each class of clients gets.
    """

    slow_share: Share
    desktop_share: Share
    image: Delivered
    video: Delivered

    def mean_of(self, delivered: Delivered) -> float:
        """Mean over all fetches of what clients get of a kind of media."""
        fast = self.desktop_share * delivered.desktop + (1 - self.desktop_share) * delivered.phone
        return self.slow_share * delivered.slow + (1 - self.slow_share) * fast


class Caches(Section):
    """How large the caches are and what is asked of them.

    Attributes:
        daily_share: cache memory over the bytes stored in a day (the design document's 1 %).
        target_hit_ratio: hits that the feed cache should reach.
        feed_popularity: Zipf exponent of how often feeds are read, less than 2.
        post_popularity: Zipf exponent of how often posts are read, less than 2.
        hot_window: seconds within which a post is still commonly read.
        likes_hit_ratio: reads of counters that the likes cache answers.
        browser_hit_ratio, cdn_hit_ratio: media requests answered by the client's own cache, and
            of the rest, by the CDN.
        cdn_bytes: what all edges of the CDN cache. Given, the CDN's hit ratio is that of such a
            cache, and `cdn_hit_ratio` is not used.
    """

    daily_share: Share
    target_hit_ratio: ShareBelowOne
    feed_popularity: ZipfExponent
    post_popularity: ZipfExponent
    hot_window: PositiveSeconds
    likes_hit_ratio: Share
    browser_hit_ratio: Share
    cdn_hit_ratio: Share
    cdn_bytes: PositiveBytes | None = None


class Network(Section):
    """Delays between machines.

    Attributes:
        hop: round trip between two boxes of a region, seconds.
        between_regions: one way between the farthest two regions, seconds.
        page_overhead: bytes of a feed page beside its posts.
        post_in_page: bytes that the API sends for a post of a page (text and URLs, no media).
        write_answer: bytes that the API sends to confirm a write.
    """

    hop: Seconds
    between_regions: Seconds
    page_overhead: Bytes
    post_in_page: Bytes
    write_answer: Bytes


class Failures(Section):
    """How parts fail together.

    Attributes:
        zones: independent zones of a region; every box is spread over them.
        zone_mttf, zone_mttr: of a zone, seconds.
        region_mttf, region_mttr: of a whole region, seconds.
        failover: seconds until the users of a failed region are served by the others.
        global_mttf, global_mttr: of everything at once (a bad configuration or deploy), seconds.
    """

    zones: Annotated[int, Field(strict=True, ge=1, le=10)]
    zone_mttf: PositiveSeconds
    zone_mttr: PositiveSeconds
    region_mttf: PositiveSeconds
    region_mttr: PositiveSeconds
    failover: Seconds
    global_mttf: PositiveSeconds
    global_mttr: PositiveSeconds


class EgressTier(Section):
    """Price of egress up to a monthly volume.

    Attributes:
        up_to: bytes a month at which the tier ends; left out of the last.
        price: USD for a GB of this tier.
    """

    up_to: Bytes | None = None
    price: UsdPerGb


class Prices(Section):
    """List prices; instances are priced at their boxes.

    Attributes:
        egress: CDN egress by monthly volume: tiers that rise, the last without an end.
        origin_fetch: object storage to CDN.
        object_storage: of a GB of media for a month.
        store_disk: of a GB of database disk for a month.
        media_put, media_get: of a million object requests.
        between_zones: of a GB between zones.
        discount: committed-use and volume discount on every line.
    """

    egress: Annotated[tuple[EgressTier, ...], Field(min_length=1)]
    origin_fetch: UsdPerGb
    object_storage: UsdPerGbMonth
    store_disk: UsdPerGbMonth
    media_put: UsdPerMillion
    media_get: UsdPerMillion
    between_zones: UsdPerGb
    discount: Share

    @model_validator(mode="after")
    def _tiers_rise(self) -> "Prices":
        *bounded, last = self.egress
        if last.up_to is not None:
            raise ImpossibleValueError(
                key=f"egress.{len(bounded)}.up_to",
                found=str(last.up_to),
                expected="no up_to in the last tier, which has no end",
            )
        below = 0.0
        for position, tier in enumerate(bounded):
            if tier.up_to is None or tier.up_to <= below:
                raise ImpossibleValueError(
                    key=f"egress.{position}.up_to",
                    found="nothing" if tier.up_to is None else str(tier.up_to),
                    expected=f"more than the tier before it, {format_size(below)}",
                )
            below = tier.up_to
        return self

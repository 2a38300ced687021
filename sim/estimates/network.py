"""Network: bytes in and out, and which machine sends them: the API, the CDN or object storage."""

from functools import lru_cache

from scenarios.quantities import DAY_S
from sim.estimates import memory, peak, storage, throughput
from sim.estimates.sheet import Sheet, cell
from sim.theory import caches as theory

_two_lru_hit_ratio = lru_cache(maxsize=256)(theory.two_lru_hit_ratio)


@cell("bytes/s")
def ingress_bytes_per_s(sheet: Sheet) -> float:
    """Bytes stored in a day ÷ 86,400."""
    return storage.post_bytes_per_day(sheet) / DAY_S


@cell("bytes/post")
def mean_post_bytes(sheet: Sheet) -> float:
    """Text, image and video sizes, weighted by their shares."""
    posts = sheet.scenario.activity.posts
    return sum(kind.share * kind.size for kind in (posts.text, posts.image, posts.video))


@cell("bytes/day")
def egress_bytes_per_day(sheet: Sheet) -> float:
    """Post reads a day × mean bytes of a post."""
    return throughput.post_reads_per_day(sheet) * mean_post_bytes(sheet)


@cell("bytes/s")
def egress_bytes_per_s(sheet: Sheet) -> float:
    """Egress a day ÷ 86,400."""
    return egress_bytes_per_day(sheet) / DAY_S


@cell("bytes/s")
def peak_egress_bytes_per_s(sheet: Sheet) -> float:
    """Egress a second × the world's peak over mean."""
    return egress_bytes_per_s(sheet) * peak.peak_to_mean(sheet)


@cell("×")
def delivered_of_image(sheet: Sheet) -> float:
    """Bytes of the rendition of an image ÷ the original's, over slow clients, desktops, phones."""
    delivery = sheet.scenario.delivery
    return delivery.mean_of(delivery.image)


@cell("×")
def delivered_of_video(sheet: Sheet) -> float:
    """Bytes of the rendition of a video ÷ the original's, over slow clients, desktops, phones."""
    delivery = sheet.scenario.delivery
    return delivery.mean_of(delivery.video)


@cell("bytes/fetch")
def mean_delivered_bytes(sheet: Sheet) -> float:
    """Image and video sizes × what clients get of them, weighted by their shares of media."""
    posts = sheet.scenario.activity.posts
    return _delivered_media_bytes(sheet) / posts.media_share if posts.media_share else 0.0


@cell("bytes/day")
def delivered_bytes_per_day(sheet: Sheet) -> float:
    """Post reads a day × mean bytes of a post, of its media the rendition that clients get."""
    text = sheet.scenario.activity.posts.text
    mean = text.share * text.size + _delivered_media_bytes(sheet)
    return throughput.post_reads_per_day(sheet) * mean


@cell("bytes/s")
def peak_delivered_bytes_per_s(sheet: Sheet) -> float:
    """Bytes delivered a day ÷ 86,400 × the world's peak over mean."""
    return delivered_bytes_per_day(sheet) / DAY_S * peak.peak_to_mean(sheet)


@cell("fetches/page")
def cdn_fetches_per_page(sheet: Sheet) -> float:
    """Posts in a page × media share × share that the client's own cache does not have."""
    own = sheet.scenario.caches.browser_hit_ratio
    media = sheet.scenario.activity.posts.media_share
    return throughput.posts_per_page(sheet) * media * (1 - own)


@cell("fetches/day")
def cdn_fetches_per_day(sheet: Sheet) -> float:
    """Feed pages a day × CDN fetches of a page."""
    return throughput.feed_pages_per_day(sheet) * cdn_fetches_per_page(sheet)


@cell("bytes/day")
def cdn_egress_bytes_per_day(sheet: Sheet) -> float:
    """CDN fetches a day × mean bytes delivered."""
    return cdn_fetches_per_day(sheet) * mean_delivered_bytes(sheet)


@cell("bytes/s")
def peak_cdn_egress_bytes_per_s(sheet: Sheet) -> float:
    """CDN egress a second × the world's peak over mean."""
    return cdn_egress_bytes_per_day(sheet) / DAY_S * peak.peak_to_mean(sheet)


@cell("objects")
def cdn_objects(sheet: Sheet) -> float:
    """Hot posts × media share."""
    return memory.hot_posts(sheet) * sheet.scenario.activity.posts.media_share


@cell("share", source="Huang et al., SOSP 2013; of a given cache: Che's approximation of 2-LRU")
def cdn_hit_ratio(sheet: Sheet) -> float:
    """CDN fetches answered without object storage: as given, or that of the edge's cache."""
    held_bytes = sheet.scenario.caches.cdn_bytes
    objects = cdn_objects(sheet)
    if held_bytes is None or objects < 1:
        return sheet.scenario.caches.cdn_hit_ratio
    return _two_lru_hit_ratio(
        items=round(objects),
        cached_items=float(held_bytes / mean_delivered_bytes(sheet)),
        alpha=float(sheet.scenario.caches.post_popularity),
    )


@cell("bytes/day")
def origin_egress_bytes_per_day(sheet: Sheet) -> float:
    """CDN egress a day × share that misses the CDN."""
    return cdn_egress_bytes_per_day(sheet) * (1 - cdn_hit_ratio(sheet))


@cell("bytes/day")
def api_egress_bytes_per_day(sheet: Sheet) -> float:
    """Feed pages × (overhead + posts × bytes of a post in a page) + writes × answer."""
    network = sheet.scenario.network
    page = network.page_overhead + throughput.posts_per_page(sheet) * network.post_in_page
    pages = throughput.feed_pages_per_day(sheet) * page
    return pages + writes_per_day(sheet) * network.write_answer


@cell("writes/day")
def writes_per_day(sheet: Sheet) -> float:
    """Posts + likes + comments + follows + unfollows a day."""
    return (
        throughput.posts_per_day(sheet)
        + throughput.likes_per_day(sheet)
        + throughput.comments_per_day(sheet)
        + throughput.follows_per_day(sheet)
        + throughput.unfollows_per_day(sheet)
    )


@cell("share")
def api_share_of_egress(sheet: Sheet) -> float:
    """What the API sends ÷ what the API and the CDN send."""
    api = api_egress_bytes_per_day(sheet)
    total = api + cdn_egress_bytes_per_day(sheet)
    return api / total if total else 0.0


def _delivered_media_bytes(sheet: Sheet) -> float:
    """Bytes that a client gets of the media of a mean post."""
    posts = sheet.scenario.activity.posts
    images = posts.image.share * posts.image.size * delivered_of_image(sheet)
    return images + posts.video.share * posts.video.size * delivered_of_video(sheet)


CELLS = (
    ingress_bytes_per_s,
    mean_post_bytes,
    egress_bytes_per_day,
    egress_bytes_per_s,
    peak_egress_bytes_per_s,
    delivered_of_image,
    delivered_of_video,
    mean_delivered_bytes,
    delivered_bytes_per_day,
    peak_delivered_bytes_per_s,
    cdn_fetches_per_page,
    cdn_fetches_per_day,
    cdn_egress_bytes_per_day,
    peak_cdn_egress_bytes_per_s,
    cdn_objects,
    cdn_hit_ratio,
    origin_egress_bytes_per_day,
    api_egress_bytes_per_day,
    writes_per_day,
    api_share_of_egress,
)

"""Memory: the design document's cache, what it can hold, and what a hit ratio would need."""

from functools import lru_cache

from scenarios.quantities import DAY_S
from sim.estimates import feeds, storage, throughput
from sim.estimates.sheet import Sheet, cell
from sim.theory import caches as theory
from sim.theory import zipf

CHE = "Che's approximation of LRU under Zipf popularity (Che, Tung and Wang 2002)"
_READ_SHARE = 0.8

# Each takes about a millisecond, and most scenarios that differ in one figure ask for the same.
_hit_ratio = lru_cache(maxsize=256)(theory.hit_ratio)
_cached_items_for = lru_cache(maxsize=256)(theory.cached_items_for)
_working_set = lru_cache(maxsize=256)(zipf.working_set)


@cell("bytes")
def cache_bytes(sheet: Sheet) -> float:
    """Cache share × bytes stored in a day."""
    return sheet.scenario.caches.daily_share * storage.post_bytes_per_day(sheet)


@cell("feeds")
def feeds_cached(sheet: Sheet) -> float:
    """Cache bytes ÷ bytes of a full feed, all users' at most."""
    fitting = cache_bytes(sheet) / feeds.feed_bytes_per_user(sheet)
    return min(fitting, throughput.mau(sheet))


@cell("share", source=CHE)
def feed_cache_hit_ratio(sheet: Sheet) -> float:
    """Feed reads found in the cache: MAU feeds, the cached ones, feed popularity."""
    return _hit_ratio(
        items=_whole(throughput.mau(sheet)),
        cached_items=feeds_cached(sheet),
        alpha=float(sheet.scenario.caches.feed_popularity),
    )


@cell("bytes", source=CHE)
def feed_cache_bytes_for_target(sheet: Sheet) -> float:
    """Cache that gives the target hit ratio × bytes of a full feed."""
    caches = sheet.scenario.caches
    needed = _cached_items_for(
        hit_ratio=caches.target_hit_ratio,
        items=_whole(throughput.mau(sheet)),
        alpha=caches.feed_popularity,
    )
    return needed * feeds.feed_bytes_per_user(sheet)


@cell("bytes", source=f"{CHE}; users grow, the Zipf exponent stays")
def feed_cache_bytes_for_target_in_10_years(sheet: Sheet) -> float:
    """The same with the users of ten years' growth: the cache grows as the users do."""
    growth = (1 + sheet.scenario.population.growth_per_year) ** 10
    return feed_cache_bytes_for_target(sheet) * growth


@cell("share", source=CHE)
def feed_cache_hit_ratio_if_not_grown(sheet: Sheet) -> float:
    """Hit ratio after ten years' growth of users, with today's cache."""
    growth = (1 + sheet.scenario.population.growth_per_year) ** 10
    users = throughput.mau(sheet) * growth
    return _hit_ratio(
        items=_whole(users),
        cached_items=min(feeds_cached(sheet), users),
        alpha=float(sheet.scenario.caches.feed_popularity),
    )


@cell("posts")
def hot_posts(sheet: Sheet) -> float:
    """Posts a day × days of the hot window."""
    return throughput.posts_per_day(sheet) * sheet.scenario.caches.hot_window / DAY_S


@cell("posts", source="Zipf popularity")
def working_set_posts(sheet: Sheet) -> float:
    """Hot posts that receive 80 % of the reads."""
    posts = round(hot_posts(sheet))
    if posts < 1:
        return 0.0
    return _working_set(items=posts, share=_READ_SHARE, alpha=sheet.scenario.caches.post_popularity)


@cell("bytes", source="an id, two counters and their framing, 64 bytes (assumption)")
def likes_cache_bytes(sheet: Sheet) -> float:
    """Hot posts × 64 bytes of counters."""
    return hot_posts(sheet) * 64


@cell("share", source="Twitter cache trace 2020: median miss ratio 1.45 %")
def likes_cache_hit_ratio(sheet: Sheet) -> float:
    """Reads of counters found in the likes cache."""
    return sheet.scenario.caches.likes_hit_ratio


def _whole(items: float) -> int:
    """Return a number of items that a cache can be asked for: at least one."""
    return max(1, round(items))


CELLS = (
    cache_bytes,
    feeds_cached,
    feed_cache_hit_ratio,
    feed_cache_bytes_for_target,
    feed_cache_bytes_for_target_in_10_years,
    feed_cache_hit_ratio_if_not_grown,
    hot_posts,
    working_set_posts,
    likes_cache_bytes,
    likes_cache_hit_ratio,
)

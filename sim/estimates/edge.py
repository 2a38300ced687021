"""The edge of the CDN: how often it has what is asked for, and what it must hold for that."""

from collections.abc import Callable
from functools import lru_cache

from sim.estimates import memory, network
from sim.estimates.sheet import Sheet, cell
from sim.theory import caches as theory

TWO_LRU = (
    "Che's approximation of 2-LRU, the reference server's edge, under Zipf popularity "
    "(Garetto, Leonardi and Martina 2016)"
)

_two_lru_cached_items_for = lru_cache(maxsize=256)(theory.two_lru_cached_items_for)
_cached_items_for = lru_cache(maxsize=256)(theory.cached_items_for)


@cell("bytes", source=TWO_LRU)
def cdn_bytes_for_hit_ratio(sheet: Sheet) -> float:
    """Media that an edge with admission must hold for the CDN's hit ratio × mean bytes."""
    return _held_bytes(sheet, _two_lru_cached_items_for)


@cell("bytes", source=memory.CHE)
def cdn_bytes_for_hit_ratio_by_lru(sheet: Sheet) -> float:
    """The same for an edge that keeps whatever is asked for."""
    return _held_bytes(sheet, _cached_items_for)


def _held_bytes(sheet: Sheet, cached_items_for: Callable[..., float]) -> float:
    objects = network.cdn_objects(sheet)
    ratio = network.cdn_hit_ratio(sheet)
    if objects < 1 or ratio >= 1:
        return objects * network.mean_delivered_bytes(sheet)
    held = cached_items_for(
        hit_ratio=float(ratio),
        items=round(objects),
        alpha=float(sheet.scenario.caches.post_popularity),
    )
    return held * network.mean_delivered_bytes(sheet)


CELLS = (cdn_bytes_for_hit_ratio, cdn_bytes_for_hit_ratio_by_lru)

"""An edge of the size that the estimates ask for, played: it hits as often as they say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from scenarios.loader import load
from server.services.edge_cache import EdgeCache
from sim.estimates import edge, network
from sim.estimates.book import open_sheet
from sim.theory.caches import hit_ratio

TOWN = str(Path(__file__).parent / "round_town.toml")
ALPHA = 0.9
REQUESTS = 120_000
TWO_POINTS = 0.02


@dataclass(frozen=True)
class Sized:
    """What the estimates say of an edge: its objects, and what it must hold for its hit ratio."""

    objects: int
    object_bytes: float
    hit_ratio: float
    held_bytes: Mapping[str, float]


@pytest.fixture(scope="module")
def sized() -> Sized:
    overrides = ["activity.posts_read=20", f"caches.post_popularity={ALPHA}"]
    sheet = open_sheet(load(TOWN, overrides=overrides))
    return Sized(
        objects=round(network.cdn_objects(sheet)),
        object_bytes=network.mean_delivered_bytes(sheet),
        hit_ratio=network.cdn_hit_ratio(sheet),
        held_bytes={
            "2-LRU": edge.cdn_bytes_for_hit_ratio(sheet),
            "LRU": edge.cdn_bytes_for_hit_ratio_by_lru(sheet),
        },
    )


def zipf_trace(rng: np.random.Generator, objects: int) -> list[int]:
    weights = np.arange(1, objects + 1, dtype=np.float64) ** -ALPHA
    trace: list[int] = rng.choice(objects, size=REQUESTS, p=weights / weights.sum()).tolist()
    return trace


def played_hit_ratio(
    trace: list[int], sizes_bytes: list[int], *, capacity_bytes: float, policy: str
) -> float:
    """The server's own edge under a trace, warm: by 2-LRU, or keeping all that is asked for."""
    cache: EdgeCache[int, int] = EdgeCache(capacity_bytes=round(capacity_bytes))
    hits = 0
    for number, item in enumerate(trace):
        found, was_asked = cache.ask(item, size_bytes=sizes_bytes[item])
        if found is None:
            may_evict = was_asked or policy == "LRU"
            cache.keep(item, item, size_bytes=sizes_bytes[item], may_evict=may_evict)
        elif number >= REQUESTS // 4:
            hits += 1
    return hits / (REQUESTS - REQUESTS // 4)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("policy", ["2-LRU", "LRU"])
def test_an_edge_of_the_estimated_size_hits_as_often_as_it_was_sized_for(
    sized: Sized, policy: str, seed: int
) -> None:
    trace = zipf_trace(np.random.default_rng(seed), sized.objects)
    sizes_bytes = [round(sized.object_bytes)] * sized.objects

    played = played_hit_ratio(
        trace, sizes_bytes, capacity_bytes=sized.held_bytes[policy], policy=policy
    )

    assert played == pytest.approx(sized.hit_ratio, abs=TWO_POINTS)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_objects_of_many_sizes_are_hit_as_often_as_objects_of_their_mean(
    sized: Sized, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.lognormal(sigma=1, size=sized.objects)
    # Their mean over requests is that of the estimates, whoever is popular.
    sizes_bytes = np.maximum(1, drawn / drawn.mean() * sized.object_bytes).astype(int).tolist()

    played = played_hit_ratio(
        zipf_trace(rng, sized.objects),
        sizes_bytes,
        capacity_bytes=sized.held_bytes["2-LRU"],
        policy="2-LRU",
    )

    assert played == pytest.approx(sized.hit_ratio, abs=TWO_POINTS)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_two_policies_are_told_apart_by_what_they_hit(sized: Sized, seed: int) -> None:
    trace = zipf_trace(np.random.default_rng(seed), sized.objects)
    sizes_bytes = [round(sized.object_bytes)] * sized.objects
    # LRU with what 2-LRU needs: fewer hits, by as much as theory says.
    held_bytes = sized.held_bytes["2-LRU"]

    played = played_hit_ratio(trace, sizes_bytes, capacity_bytes=held_bytes, policy="LRU")

    theory = hit_ratio(
        items=sized.objects, cached_items=held_bytes / sized.object_bytes, alpha=ALPHA
    )
    assert played == pytest.approx(theory, abs=TWO_POINTS)
    assert played < sized.hit_ratio - 2 * TWO_POINTS

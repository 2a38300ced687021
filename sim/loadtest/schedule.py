"""The schedule: every request of a run, when it is due, who asks, and about what.

It is drawn from a seed before the run, the arrivals by the code and the generators that feed the
simulator, so that model and server meet the same requests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sim.arrivals import arrival_times_s
from sim.engine.draws import generator
from sim.loadtest.errors import ImpossibleLoadError
from sim.loadtest.traffic import FLOWS, POSTS, Traffic
from sim.loadtest.world import World

MOST_REQUESTS = 20_000_000
"""Some 500 MB of schedule."""

NOBODY = -1

_ABOUT_SOMETHING = ("like", "comment", "follow", "unfollow")


@dataclass(frozen=True, slots=True)
class Shape:
    """How the rate runs: slices of the duration, each with its factor over the mean."""

    factors: tuple[float, ...] = (1.0,)


FLAT = Shape()


def day_shape(traffic: Traffic) -> Shape:
    """Return the shape of a day of the scenario, from midnight UTC."""
    return Shape(traffic.hourly)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Requests in order of time; arrays of shape (requests,).

    Attributes:
        times_s: when each is due, from the start of the run.
        flows: position in `FLOWS`.
        actors: number of the user who asks.
        subjects: number of the post or user that it is about, or NOBODY.
        continues: whether a feed page goes on where its reader's last page ended.
    """

    times_s: NDArray[np.float64]
    flows: NDArray[np.uint8]
    actors: NDArray[np.int32]
    subjects: NDArray[np.int32]
    continues: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self.times_s)

    def part(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return those requests: by a mask of shape (requests,), or by their positions."""
        return type(self)(
            self.times_s[kept],
            self.flows[kept],
            self.actors[kept],
            self.subjects[kept],
            self.continues[kept],
        )


def drawn_schedule(
    traffic: Traffic,
    world: World,
    *,
    duration_s: float,
    seed: int,
    shape: Shape = FLAT,
    warmup_s: float = 0.0,
) -> Schedule:
    """Return the requests of `duration_s` seconds at the traffic's rate, in a shape.

    Before that come `warmup_s` seconds as the shape begins.

    Raises:
        ImpossibleLoadError: if they are none, or more than a schedule holds.
    """
    check_load(traffic, duration_s=warmup_s + duration_s)
    edges_s = np.linspace(warmup_s, warmup_s + duration_s, len(shape.factors) + 1).tolist()
    if warmup_s:
        edges_s, shape = [0.0, *edges_s], Shape(shape.factors[:1] + shape.factors)
    parts = [
        _flow(traffic, world, FLOWS.index(name), edges_s=edges_s, seed=seed, shape=shape)
        for name in traffic.rates_per_s
    ]
    joined = Schedule(
        np.concatenate([part.times_s for part in parts]),
        np.concatenate([part.flows for part in parts]),
        np.concatenate([part.actors for part in parts]),
        np.concatenate([part.subjects for part in parts]),
        np.concatenate([part.continues for part in parts]),
    )
    return joined.part(np.argsort(joined.times_s, kind="stable"))


def check_load(traffic: Traffic, *, duration_s: float) -> None:
    """Check that a schedule can hold a load.

    Raises:
        ImpossibleLoadError: if it is none, or more than that.
    """
    expected = traffic.rate_per_s * duration_s
    if not expected > 0:
        raise ImpossibleLoadError(
            option="--rate, --duration",
            found=f"{traffic.rate_per_s:g} requests/s for {duration_s:g} s",
            expected="both more than zero",
        )
    if expected > MOST_REQUESTS:
        raise ImpossibleLoadError(
            option="--rate, --duration",
            found=f"{expected:,.0f} requests ({traffic.rate_per_s:,.0f} a second for "
            f"{duration_s:g} s)",
            expected=f"at most {MOST_REQUESTS:,}, which is what a schedule holds",
        )


def _flow(
    traffic: Traffic,
    world: World,
    flow: int,
    *,
    edges_s: Sequence[float],
    seed: int,
    shape: Shape,
) -> Schedule:
    name = FLOWS[flow]
    rates = [traffic.rates_per_s[name] * factor for factor in shape.factors]
    times_s = arrival_times_s(
        generator(seed, 0, f"flow.{name}.arrivals"), edges_s=edges_s, rates_per_s=rates
    )
    rng = generator(seed, 0, f"flow.{name}.users")
    actors = _actors(traffic, world, name, rng=rng, requests=len(times_s))
    continues = np.zeros(len(times_s), dtype=bool)
    if name == "read_feed":
        continues = _follow_on(traffic, times_s, actors, generator(seed, 0, "flow.read_feed.depth"))
    subjects = _subjects(
        traffic, world, name, actors, rng=generator(seed, 0, f"flow.{name}.subjects")
    )
    drawn = Schedule(
        times_s, np.full(len(times_s), flow, dtype=np.uint8), actors, subjects, continues
    )
    # Nobody unfollows who follows nobody.
    return drawn.part(subjects != NOBODY) if name in _ABOUT_SOMETHING else drawn


def _actors(
    traffic: Traffic, world: World, flow: str, *, rng: np.random.Generator, requests: int
) -> NDArray[np.int32]:
    """Return who asks: authors are anybody, as in the world's posts; others by popularity."""
    if flow in POSTS:
        return rng.integers(len(world), size=requests).astype(np.int32)
    ranks = zipf_ranks(rng, items=len(world), alpha=traffic.reader_popularity, draws=requests)
    # Which users are the busy ones has nothing to do with the order in which they signed up, and
    # is the same in every flow.
    return np.random.default_rng(len(world)).permutation(len(world))[ranks].astype(np.int32)


def _subjects(
    traffic: Traffic,
    world: World,
    flow: str,
    actors: NDArray[np.int32],
    *,
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    subjects = np.full(len(actors), NOBODY, dtype=np.int32)
    if flow in {"like", "comment"} and len(world.post_ids):
        ranks = zipf_ranks(
            rng, items=len(world.post_ids), alpha=traffic.post_popularity, draws=len(actors)
        )
        # The newest posts are the most popular.
        subjects[:] = len(world.post_ids) - 1 - ranks
    elif flow == "follow" and len(world.followees):
        # Those who are followed much are followed more.
        subjects[:] = world.followees[rng.integers(len(world.followees), size=len(actors))]
        subjects[subjects == actors] += 1
        subjects %= len(world)
    elif flow == "unfollow":
        for position, actor in enumerate(actors.tolist()):
            followees = world.followees_of(actor)
            followees = followees[is_undone(actor, followees)]
            if len(followees):
                subjects[position] = followees[rng.integers(len(followees))]
    return subjects


def is_undone(
    followers: NDArray[np.int64] | int, followees: NDArray[np.int64] | int
) -> NDArray[np.bool_]:
    """Whether a load may undo these follows: half of them; the others stay, to be watched."""
    return np.asarray((np.asarray(followers) + followees) % 2 == 0)


def _follow_on(
    traffic: Traffic,
    times_s: NDArray[np.float64],
    actors: NDArray[np.int32],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Make some pages the next page of an earlier one's reader; changes `actors`.

    Of a visit's pages all but the first follow on. The earlier page is one that was asked for about
    as long ago as a visit spends on a page; at the start of a run there is none.
    """
    share = 1 - 1 / traffic.pages_a_visit
    continues = rng.random(len(times_s)) < share
    earlier = np.searchsorted(times_s, times_s - rng.exponential(traffic.page_gap_s, len(times_s)))
    continues &= earlier > 0
    for position in np.flatnonzero(continues).tolist():
        actors[position] = actors[earlier[position] - 1]
    return continues


def zipf_ranks(
    rng: np.random.Generator, *, items: int, alpha: float, draws: int
) -> NDArray[np.int64]:
    """Return ranks from 0, rank r drawn in proportion to (r + 1)^-alpha; shape (draws,)."""
    weights = np.cumsum(np.arange(1, items + 1, dtype=float) ** -alpha)
    ranks = np.searchsorted(weights, rng.random(draws) * weights[-1], side="right")
    return np.asarray(np.minimum(ranks, items - 1), dtype=np.int64)

"""Conditions of an hour of the day in a region: its load, and the events that change it."""

from collections.abc import Iterator
from dataclasses import dataclass

from scenarios.events import CacheFlush, CelebrityPost, Event, FlashCrowd, RegionOutage
from scenarios.model import Scenario
from scenarios.population import HOURS
from scenarios.quantities import DAY_S, HOUR_S, format_count, format_duration
from sim.estimates.sheet import Sheet, hourly_factors, world_factors
from sim.estimates.sizing import load_share


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an hour is like at its worst, in UTC.

    Attributes:
        load_share: the region's load over the whole system's mean load.
        world_factor: the whole system's load over its mean.
        flushed: caches that miss all reads.
        celebrity_followers: followers of a celebrity who posts, or None.
        events: what happens, in words.
    """

    hour: int
    load_share: float
    world_factor: float
    flushed: frozenset[str]
    celebrity_followers: int | None
    events: tuple[str, ...]


def hour_conditions(sheet: Sheet, scenario: Scenario, *, region: str, hour: int) -> Conditions:
    """Return the conditions of a UTC hour; an event counts for every hour that it touches."""
    lost: str | None = None
    crowd = world_crowd = 1.0
    flushed: set[str] = set()
    celebrity: int | None = None
    events = [event for event in scenario.events if hour in _hours(event)]
    for event in events:
        match event:
            case RegionOutage():
                lost = event.region
            case FlashCrowd():
                here, world = _crowd(event, sheet, region=region, hour=hour)
                crowd, world_crowd = crowd * here, world_crowd * world
            case CacheFlush():
                flushed.add(event.box)
            case CelebrityPost():
                celebrity = max(int(event.followers), celebrity or 0)
    return Conditions(
        hour=hour,
        load_share=load_share(sheet, region, hour=hour, lost=lost) * crowd,
        world_factor=sheet.once(world_factors)[hour] * world_crowd,
        flushed=frozenset(flushed),
        celebrity_followers=celebrity,
        events=tuple(_told(event) for event in events),
    )


def simulated_region(sheet: Sheet, scenario: Scenario) -> str:
    """Return the region with the highest peak load that no event takes down."""
    regions = scenario.population.regions
    lost = {event.region for event in scenario.events if isinstance(event, RegionOutage)}
    candidates = [region for region in regions if region not in lost] or list(regions)
    factors = sheet.once(hourly_factors)
    return max(candidates, key=lambda region: regions[region].share * max(factors[region]))


def _hours(event: Event) -> Iterator[int]:
    lasts_s = 0.0 if isinstance(event, CelebrityPost) else float(event.lasts)
    first = int(event.at % DAY_S // HOUR_S)
    last = int((event.at % DAY_S + max(lasts_s - 1e-6, 0.0)) // HOUR_S)
    return (hour % HOURS for hour in range(first, min(last, first + HOURS - 1) + 1))


def _crowd(event: FlashCrowd, sheet: Sheet, *, region: str, hour: int) -> tuple[float, float]:
    """Return the factor on the load of `region` and on that of the world."""
    factor = float(event.factor)
    if not event.region:
        return factor, factor
    regions = sheet.scenario.population.regions
    part = regions[event.region].share * sheet.once(hourly_factors)[event.region][hour]
    world = sheet.once(world_factors)[hour]
    return (
        factor if event.region == region else 1.0,
        1 + (factor - 1) * (part / world if world else 0.0),
    )


def _told(event: Event) -> str:
    match event:
        case RegionOutage():
            return f"{event.region} is down for {format_duration(event.lasts)}"
        case FlashCrowd():
            where = event.region or "every region"
            return f"{event.factor:g} times the load in {where} for {format_duration(event.lasts)}"
        case CacheFlush():
            return f"{event.box} is empty for {format_duration(event.lasts)}"
        case CelebrityPost():
            return f"a user with {format_count(event.followers)} followers posts"

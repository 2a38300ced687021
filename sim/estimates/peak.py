"""Peak: how far the busiest hour lies above the mean, by region and for the world."""

from functools import partial

from scenarios.quantities import DAY_S
from sim.estimates import throughput
from sim.estimates.sheet import Cell, Sheet, cell, hourly_factors, world_factors


@cell("×", source="the regions' hourly load and UTC offsets")
def peak_to_mean(sheet: Sheet) -> float:
    """The world's busiest UTC hour ÷ its mean hour."""
    return max(sheet.once(world_factors))


@cell("hour, UTC")
def peak_hour(sheet: Sheet) -> float:
    """The world's busiest hour."""
    return sheet.once(world_factors).index(max(sheet.once(world_factors)))


@cell("reads/s")
def peak_post_reads_per_s(sheet: Sheet) -> float:
    """Post reads a second × the world's peak over mean."""
    return throughput.post_reads_per_s(sheet) * peak_to_mean(sheet)


@cell("pages/s")
def peak_feed_pages_per_s(sheet: Sheet) -> float:
    """Feed pages a second × the world's peak over mean."""
    return throughput.feed_pages_per_s(sheet) * peak_to_mean(sheet)


@cell("posts/s")
def peak_posts_per_s(sheet: Sheet) -> float:
    """Posts a second × the world's peak over mean."""
    return throughput.posts_per_s(sheet) * peak_to_mean(sheet)


@cell("users", source="Little's law")
def peak_concurrent_users(sheet: Sheet) -> float:
    """Sessions a second × session length × the world's peak over mean."""
    sessions_per_s = throughput.sessions_per_day(sheet) / DAY_S
    return sessions_per_s * sheet.scenario.activity.session_length * peak_to_mean(sheet)


def cells(sheet: Sheet) -> list[Cell]:
    """Return the cells of this chapter, with two for each region of the scenario."""
    regional = [
        part
        for region in sheet.scenario.population.regions
        for part in (_region_peak(region), _region_hour(region))
    ]
    return [
        peak_to_mean,
        peak_hour,
        peak_post_reads_per_s,
        peak_feed_pages_per_s,
        peak_posts_per_s,
        peak_concurrent_users,
        *regional,
    ]


def _region_peak(region: str) -> Cell:
    return Cell(
        name=f"peak_to_mean_{region}",
        unit="×",
        formula=f"busiest ÷ mean hour of {region}",
        compute=partial(_regional_peak, region),
    )


def _region_hour(region: str) -> Cell:
    return Cell(
        name=f"peak_hour_{region}",
        unit="hour, UTC",
        formula=f"busiest hour of {region}",
        compute=partial(_regional_hour, region),
    )


def _regional_peak(region: str, sheet: Sheet) -> float:
    return max(sheet.once(hourly_factors)[region])


def _regional_hour(region: str, sheet: Sheet) -> float:
    factors = sheet.once(hourly_factors)[region]
    return factors.index(max(factors))

"""Who uses the system, where they are, and how their day runs."""

import math
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from scenarios.assumption import Number, PositiveShare, Users, UtcOffset
from scenarios.errors import ImpossibleValueError
from scenarios.quantities import DAY_S, HOUR_S, format_count, format_duration, format_share
from scenarios.section import Name, Section

HOURS = 24
_SHARE_TOLERANCE = 1e-6

_EARLIEST_OFFSET_S, _LATEST_OFFSET_S = -12 * HOUR_S, 14 * HOUR_S
"""The offsets of the world's time zones."""


def _a_day(hourly: tuple[float, ...]) -> tuple[float, ...]:
    if len(hourly) != HOURS or not 0 < sum(hourly) < math.inf:
        raise ImpossibleValueError(
            found=f"{len(hourly)} numbers that add up to {sum(hourly):g}",
            expected="24, one for each hour, not all zero",
        )
    return hourly


HourlyLoad = Annotated[
    tuple[Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)], ...],
    AfterValidator(_a_day),
]


class Region(Section):
    """A part of the world that is served by its own fleet.

    Attributes:
        share: part of all users who live here.
        utc_offset: local time minus UTC, seconds.
        hourly_load: relative load of each local hour; the population's curve if not given.
    """

    share: PositiveShare
    utc_offset: UtcOffset
    hourly_load: HourlyLoad | None = None

    @model_validator(mode="after")
    def _is_on_earth(self) -> "Region":
        if not _EARLIEST_OFFSET_S <= self.utc_offset <= _LATEST_OFFSET_S:
            raise ImpossibleValueError(
                key="utc_offset",
                found=format_duration(self.utc_offset),
                expected="local time minus UTC, from -12h to 14h",
            )
        return self


class Population(Section):
    """The users of the system.

    Attributes:
        dau: users active on a day.
        mau: users active in a month, never fewer than `dau`.
        growth_per_year: growth of users and their activity a year, 0.1 for 10 %.
        hourly_load: relative load of each local hour from midnight, 24 numbers; only ratios count.
        regions: by name; their shares add up to one.
    """

    dau: Users
    mau: Users
    growth_per_year: Number
    hourly_load: HourlyLoad
    regions: Annotated[dict[Name, Region], Field(min_length=1)]

    @model_validator(mode="after")
    def _adds_up(self) -> "Population":
        if self.mau < self.dau:
            raise ImpossibleValueError(
                key="mau",
                found=format_count(self.mau),
                expected=f"at least dau, {format_count(self.dau)}",
            )
        total = sum(region.share for region in self.regions.values())
        if abs(total - 1) > _SHARE_TOLERANCE:
            raise ImpossibleValueError(
                key="regions",
                found=f"shares that add up to {format_share(total)}",
                expected="100%",
            )
        return self

    def load_factor(self, region_name: str, *, time_s: float) -> float:
        """Load of a region at a UTC time of day over that region's mean; constant in each hour."""
        region = self.regions[region_name]
        hourly = region.hourly_load or self.hourly_load
        local_hour = int(((time_s + region.utc_offset) % DAY_S) // HOUR_S)
        return hourly[local_hour] * HOURS / sum(hourly)

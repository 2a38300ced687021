"""Who uses the system, where they are, and how their day runs."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from scenarios.assumption import Number, Share, Users, UtcOffset
from scenarios.quantities import DAY_S, HOUR_S, format_count, format_share
from scenarios.section import Section

HOURS = 24
_SHARE_TOLERANCE = 1e-6

HourlyLoad = tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...]


class Region(Section):
    """A part of the world that is served by its own fleet.

    Attributes:
        share: part of all users who live here.
        utc_offset: local time minus UTC, seconds.
        hourly_load: relative load of each local hour, or empty for the population's curve.
    """

    share: Share
    utc_offset: UtcOffset
    hourly_load: HourlyLoad = ()


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
    regions: Annotated[dict[str, Region], Field(min_length=1)]

    @field_validator("hourly_load")
    @classmethod
    def _is_a_day(cls, hourly_load: HourlyLoad) -> HourlyLoad:
        if len(hourly_load) != HOURS or sum(hourly_load) <= 0:
            message = f"found {len(hourly_load)} numbers, expected 24, not all zero"
            raise ValueError(message)
        return hourly_load

    @model_validator(mode="after")
    def _adds_up(self) -> "Population":
        if self.mau < self.dau:
            message = (
                f"mau: found {format_count(self.mau)}, expected at least "
                f"dau, {format_count(self.dau)}"
            )
            raise ValueError(message)
        total = sum(region.share for region in self.regions.values())
        if abs(total - 1) > _SHARE_TOLERANCE:
            message = f"regions: found shares that add up to {format_share(total)}, expected 100%"
            raise ValueError(message)
        for name, region in self.regions.items():
            if region.hourly_load and len(region.hourly_load) != HOURS:
                message = (
                    f"regions.{name}.hourly_load: found {len(region.hourly_load)} numbers, "
                    "expected 24"
                )
                raise ValueError(message)
        return self

    def load_factor(self, region_name: str, *, time_s: float) -> float:
        """Load of a region at a UTC time of day over that region's mean; constant in each hour."""
        region = self.regions[region_name]
        hourly = region.hourly_load or self.hourly_load
        local_hour = int(((time_s + region.utc_offset) % DAY_S) // HOUR_S)
        return hourly[local_hour] * HOURS / sum(hourly)

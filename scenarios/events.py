"""What happens on the simulated day besides its usual load."""

from typing import Annotated, Literal

from pydantic import Field

from scenarios.assumption import PositiveNumber, PositiveSeconds, Seconds, Users
from scenarios.section import Section


class RegionOutage(Section):
    """A region answers nothing; its users are served by the others.

    Attributes:
        at: UTC time of day, seconds.
        lasts: seconds.
    """

    kind: Literal["region_outage"]
    at: Seconds
    lasts: PositiveSeconds
    region: str


class FlashCrowd(Section):
    """Everyone comes at once: `factor` times the usual load, in one region or all."""

    kind: Literal["flash_crowd"]
    at: Seconds
    lasts: PositiveSeconds
    factor: PositiveNumber
    region: str = ""


class CelebrityPost(Section):
    """A user with that many followers posts."""

    kind: Literal["celebrity_post"]
    at: Seconds
    followers: Users


class CacheFlush(Section):
    """A cache comes back empty: all its reads miss until it is warm again."""

    kind: Literal["cache_flush"]
    at: Seconds
    lasts: PositiveSeconds
    box: str


Event = Annotated[
    RegionOutage | FlashCrowd | CelebrityPost | CacheFlush, Field(discriminator="kind")
]

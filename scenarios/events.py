"""What happens on the simulated day besides its usual load."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from scenarios.assumption import Assumption, PositiveNumber, PositiveSeconds, Seconds, Users
from scenarios.errors import ImpossibleValueError
from scenarios.quantities import DAY_S
from scenarios.section import Section


def _within_the_day(at: Assumption) -> Assumption:
    if at >= DAY_S:
        raise ImpossibleValueError(found=str(at), expected="a time of day, under 24h")
    return at


TimeOfDay = Annotated[Seconds, AfterValidator(_within_the_day)]
"""UTC, seconds since midnight."""


class RegionOutage(Section):
    """A region answers nothing; its users are served by the others.

    Attributes:
        at: UTC time of day, seconds.
        lasts: seconds.
        region: the one that is lost.
    """

    kind: Literal["region_outage"]
    at: TimeOfDay
    lasts: PositiveSeconds
    region: str


class FlashCrowd(Section):
    """Everyone comes at once.

    Attributes:
        at: UTC time of day, seconds.
        lasts: seconds.
        factor: load over the usual load.
        region: where; everywhere if not given.
    """

    kind: Literal["flash_crowd"]
    at: TimeOfDay
    lasts: PositiveSeconds
    factor: PositiveNumber
    region: str = ""


class CelebrityPost(Section):
    """A user with very many followers posts.

    Attributes:
        at: UTC time of day, seconds.
        followers: of that user.
    """

    kind: Literal["celebrity_post"]
    at: TimeOfDay
    followers: Users


class CacheFlush(Section):
    """A cache comes back empty: all its reads miss until it is warm again.

    Attributes:
        at: UTC time of day, seconds.
        lasts: seconds until it is warm.
        box: the cache.
    """

    kind: Literal["cache_flush"]
    at: TimeOfDay
    lasts: PositiveSeconds
    box: str


Event = Annotated[
    RegionOutage | FlashCrowd | CelebrityPost | CacheFlush, Field(discriminator="kind")
]

"""The conditions of an hour: its load, and the events that change it."""

from collections.abc import Mapping

import pytest

from scenarios.loader import load
from scenarios.model import Scenario
from scenarios.population import HOURS
from sim.conditions import Conditions, hour_conditions, simulated_region
from sim.estimates.book import open_sheet
from tests.unit.sim.towns import TOWN, with_events

OUTAGE = {"kind": "region_outage", "at": "13h", "lasts": "90m", "region": "west"}
CROWD = {"kind": "flash_crowd", "at": "12h", "lasts": "30m", "factor": 3}
FLUSH = {"kind": "cache_flush", "at": "5h", "lasts": "2h", "box": "cache"}
CELEBRITY = {"kind": "celebrity_post", "at": "750m", "followers": "1M"}


def conditions(scenario: Scenario, region: str, hour: int) -> Conditions:
    return hour_conditions(open_sheet(scenario), scenario, region=region, hour=hour)


def eventful_hours(scenario: Scenario, region: str = "east") -> list[int]:
    return [hour for hour in range(HOURS) if conditions(scenario, region, hour).events]


def town(*events: Mapping[str, object]) -> Scenario:
    return with_events(load(TOWN), *events)


def test_a_usual_hour_has_the_regions_share_of_the_load() -> None:
    usual = town()

    # East has three quarters of the users, at 1.5 times its mean from noon on; west is opposite.
    assert conditions(usual, "east", 12).load_share == pytest.approx(0.75 * 1.5)
    assert conditions(usual, "west", 12).load_share == pytest.approx(0.25 * 0.5)
    assert conditions(usual, "east", 3).load_share == pytest.approx(0.75 * 0.5)
    assert conditions(usual, "east", 12).world_factor == pytest.approx(1.25)
    assert conditions(usual, "east", 12).events == ()


def test_a_lost_regions_users_come_to_the_others() -> None:
    lost = town(OUTAGE)

    assert conditions(lost, "east", 13).load_share == pytest.approx(1.25)
    assert conditions(lost, "east", 13).events == ("west is down for 1.5h",)


@pytest.mark.parametrize("lost", ["asia_pacific", "europe"])
def test_a_lost_region_leaves_the_worlds_load_as_it_is(lost: str) -> None:
    outage = {"kind": "region_outage", "at": "0h", "lasts": "24h", "region": lost}
    scenario = with_events(load("news_feed"), outage)
    others = [region for region in scenario.population.regions if region != lost]

    for hour in range(HOURS):
        carried = [conditions(scenario, region, hour) for region in others]
        assert sum(each.load_share for each in carried) == pytest.approx(carried[0].world_factor)


def test_an_event_counts_for_every_hour_that_it_touches() -> None:
    assert eventful_hours(town(OUTAGE)) == [13, 14]


@pytest.mark.parametrize(
    ("at", "lasts", "hours"),
    [
        ("5h", "1h", [5]),
        ("5h", "61m", [5, 6]),
        ("19800s", "1h", [5, 6]),
        ("23h", "2h", [0, 23]),
        ("5h", "1s", [5]),
        ("5h", "24h", list(range(24))),
        ("5h", "3d", list(range(24))),
    ],
)
def test_hours_are_counted_round_the_clock(at: str, lasts: str, hours: list[int]) -> None:
    assert eventful_hours(town(FLUSH | {"at": at, "lasts": lasts})) == hours


def test_a_flash_crowd_multiplies_the_load_everywhere() -> None:
    crowded = conditions(town(CROWD), "east", 12)

    assert crowded.load_share == pytest.approx(3 * 0.75 * 1.5)
    assert crowded.world_factor == pytest.approx(3 * 1.25)
    assert crowded.events == ("3 times the load in every region for 30m",)


def test_a_flash_crowd_of_a_region_leaves_the_others_alone() -> None:
    crowded = town(CROWD | {"region": "west"})

    assert conditions(crowded, "east", 12).load_share == pytest.approx(0.75 * 1.5)
    assert conditions(crowded, "west", 12).load_share == pytest.approx(3 * 0.25 * 0.5)
    # 1.125 in the east, three times 0.125 in the west.
    assert conditions(crowded, "east", 12).world_factor == pytest.approx(1.5)


def test_two_crowds_multiply() -> None:
    both = town(CROWD, CROWD | {"factor": 2})

    assert conditions(both, "east", 12).load_share == pytest.approx(6 * 0.75 * 1.5)


def test_a_crowd_during_an_outage_is_a_crowd_of_all_who_are_there() -> None:
    both = town(CROWD | {"at": "13h"}, OUTAGE)

    assert conditions(both, "east", 13).load_share == pytest.approx(3 * 1.25)


def test_a_flushed_cache_is_named_while_it_is_cold() -> None:
    flushed = town(FLUSH)

    assert conditions(flushed, "east", 6).flushed == {"cache"}
    assert conditions(flushed, "east", 7).flushed == frozenset()
    assert conditions(flushed, "east", 6).load_share == pytest.approx(0.75 * 0.5)


def test_the_most_followed_celebrity_of_an_hour_counts() -> None:
    both = town(CELEBRITY, CELEBRITY | {"followers": "5M"}, CELEBRITY | {"followers": "2M"})

    assert conditions(both, "east", 12).celebrity_followers == 5_000_000
    assert conditions(both, "east", 11).celebrity_followers is None
    assert "a user with 5M followers posts" in conditions(both, "east", 12).events


def test_the_region_that_carries_most_is_simulated() -> None:
    scenario = load("news_feed")

    assert simulated_region(open_sheet(scenario), scenario) == "asia_pacific"


def test_a_region_that_is_lost_is_not_simulated_if_another_is_there() -> None:
    lost = town(OUTAGE | {"region": "east"})
    both = town(OUTAGE | {"region": "east"}, OUTAGE)

    assert simulated_region(open_sheet(lost), lost) == "west"
    assert simulated_region(open_sheet(both), both) == "east"

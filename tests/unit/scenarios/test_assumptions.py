"""Assumptions: figures that know their range, their unit and their source."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.assumption import Assumption, Quantity
from scenarios.boxes import Box
from scenarios.errors import ImpossibleValueError
from scenarios.loader import library_names, load
from scenarios.quantities import Dimension
from scenarios.variation import with_assumption

USERS = Quantity(Dimension.COUNT, "users", above_zero=True)
DOUBTFUL = USERS.read({"value": "5M", "low": "1M", "high": "9M", "source": "a guess"})


def test_an_assumption_calculates_as_a_number_and_prints_as_a_quantity() -> None:
    assert DOUBTFUL * 2 == 10e6
    assert str(DOUBTFUL) == f"{DOUBTFUL}" == "5M"


def test_an_assumption_knows_its_range_unit_and_source() -> None:
    assert (DOUBTFUL.low, DOUBTFUL.high) == (1e6, 9e6)
    assert (DOUBTFUL.unit, DOUBTFUL.source) == ("users", "a guess")


@pytest.mark.parametrize("copied", [pickle.loads(pickle.dumps(DOUBTFUL)), copy.deepcopy(DOUBTFUL)])  # noqa: S301 - our own bytes
def test_an_assumption_reaches_another_process_whole(copied: Assumption) -> None:
    assert (copied, copied.low, copied.high) == (5e6, 1e6, 9e6)
    assert (copied.unit, copied.source) == ("users", "a guess")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"value": 5, "low": 6}, "found value 5, low 6, expected low ≤ value ≤ high"),
        ({"value": 5, "high": 4}, "found value 5, high 4, expected low ≤ value ≤ high"),
        ({"value": 5, "low": "500m"}, "this could mean 500M (million)"),
        ({"low": 5}, "found a table without value, expected a count"),
        ({"value": 5, "hi": 6}, "found unknown key 'hi', expected value, low, high, source"),
        ({"value": 5, "sorce": "x"}, "unknown key 'sorce' (did you mean 'source'?)"),
        ({"value": 5, "source": 3}, "found source 3, expected a text"),
        ({"value": {"value": 5}}, "found a table, expected a count"),
    ],
)
def test_a_table_that_is_no_assumption_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(ImpossibleValueError) as refused:
        USERS.read(table)

    assert message in str(refused.value)


@pytest.mark.parametrize("name", library_names())
def test_a_key_that_a_scenario_yields_is_one_that_can_be_set(name: str) -> None:
    for key, assumption in list(load(name).assumptions())[::25]:
        again = dict(load(name, overrides=[f"{key}={assumption}"]).assumptions())

        assert again[key] == pytest.approx(assumption, rel=1e-3)


@given(data=st.data())
def test_a_variation_changes_that_assumption_alone(data: st.DataObject) -> None:
    scenario = load()
    before = dict(scenario.assumptions())
    key = data.draw(st.sampled_from(list(before)))

    varied = dict(with_assumption(scenario, key, before[key] * 2).assumptions())

    assert varied[key] == before[key] * 2
    assert varied[key].source == before[key].source
    assert {other for other in before if varied[other] != before[other]} <= {key}
    assert dict(scenario.assumptions()) == before


@pytest.mark.parametrize("key", ["", "population", "population.users", "flows.like.steps.x.scv"])
def test_a_variation_of_what_is_no_assumption_is_refused(key: str) -> None:
    with pytest.raises(KeyError):
        with_assumption(load(), key, 1.0)


def test_measured_service_times_replace_assumed_ones() -> None:
    box = load().boxes["feed_reader"]
    histogram = [{"time": "1ms", "weight": 3}, {"time": "5ms", "weight": 1}]

    measured = Box.model_validate({**dict(box), "service_histogram": histogram})

    assert measured.mean_service_time_s == pytest.approx(0.002)
    assert measured.service_scv == pytest.approx(0.75)  # (3 × 1 + 25) / 4 ÷ 2² - 1


@pytest.mark.parametrize(("hour_utc", "local_hour"), [(0, 7), (13, 20), (17, 0), (23, 6)])
def test_the_load_of_a_region_follows_its_local_time(hour_utc: int, local_hour: int) -> None:
    population = load().population
    hourly = population.hourly_load

    factor = population.load_factor("asia_pacific", time_s=hour_utc * 3600 + 1800)

    assert factor == pytest.approx(hourly[local_hour] * 24 / sum(hourly))

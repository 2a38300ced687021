"""How far predictions are from measurements, worked out by hand; and which loads are tried."""

import math
from dataclasses import replace

import numpy as np
import pytest

from scenarios.loader import load
from sim.loadtest.traffic import scenario_traffic
from sim.results.validation import ValidationLoad, ValidationPoint
from sim.validation.comparison import error_of, objectives_of, relative_error
from sim.validation.loads import points
from sim.validation.prediction import as_watched, capacity_per_s, predicted
from tests.unit.calibration.records import calibration

POINT = ValidationPoint(
    flow="read_feed",
    offered_per_s=100.0,
    mix="usual",
    requests=5000,
    predicted_p50_s=0.0045,
    measured_p50_s=0.005,
    p50_error=0.1,
    predicted_p99_s=0.03,
    measured_p99_s=0.02,
    p99_error=0.5,
    calibrated_on=False,
    valid=True,
)
LOAD = ValidationLoad(
    offered_per_s=100.0,
    mix="usual",
    share_of_max=0.5,
    predicted_per_s=100.0,
    measured_per_s=80.0,
    predicted_freshness_p50_s=0.03,
    measured_freshness_p50_s=0.04,
    predicted_freshness_p99_s=None,
    measured_freshness_p99_s=None,
    predicted_utilisation=0.4,
    measured_utilisation=0.5,
    calibrated_on=False,
    speed=1.0,
    invalid_because=(),
)


def test_an_error_is_a_share_of_what_was_measured() -> None:
    assert relative_error(0.0045, 0.005) == pytest.approx(0.1)
    assert relative_error(0.0055, 0.005) == pytest.approx(0.1)
    assert relative_error(None, 0.005) == math.inf
    assert relative_error(0.005, None) is None


def test_medians_leave_out_what_was_calibrated_on_and_what_is_not_valid() -> None:
    found = error_of(
        [
            POINT,
            replace(POINT, predicted_p50_s=0.0065, measured_p99_s=None),
            replace(POINT, predicted_p50_s=1.0, calibrated_on=True),
            replace(POINT, predicted_p50_s=1.0, valid=False),
        ],
        [LOAD, replace(LOAD, measured_per_s=1.0, invalid_because=("late",))],
    )

    assert found.p50_median == pytest.approx(0.2)
    assert found.p99_median == pytest.approx(0.5)
    assert found.throughput_median == pytest.approx(0.25)
    assert found.freshness_p50_median == pytest.approx(0.25)
    assert (found.points, found.p99_points, found.unpredicted) == (2, 1, 0)


def test_errors_are_held_against_what_is_wanted() -> None:
    small = error_of([replace(POINT, predicted_p50_s=0.0051, predicted_p99_s=0.0242)], [LOAD])

    assert [row.met for row in objectives_of(small)] == [True, False, True]
    assert [row.met for row in objectives_of(error_of([], []))] == [None, None, None]


def test_a_model_that_says_saturated_of_everything_is_as_wrong_as_can_be() -> None:
    silent = replace(POINT, predicted_p50_s=None, predicted_p99_s=None)

    found = error_of([silent, silent, POINT], [LOAD])

    assert found.p50_median is None
    assert (found.points, found.unpredicted) == (3, 2)
    assert [row.met for row in objectives_of(found)] == [False, False, False]


def test_one_load_without_a_prediction_moves_the_median_and_misses_an_objective() -> None:
    silent = replace(POINT, predicted_p50_s=None)

    found = error_of([silent, POINT, replace(POINT, predicted_p50_s=0.0051)], [LOAD])

    assert found.p50_median == pytest.approx(0.1)
    assert [row.met for row in objectives_of(found)][2] is False


def test_percentiles_of_few_requests_do_not_count() -> None:
    few = replace(POINT, requests=999)
    fewer = replace(POINT, requests=199, predicted_p50_s=1.0)

    found = error_of([replace(POINT, requests=1000), few, fewer], [LOAD])

    assert (found.points, found.p99_points) == (2, 1)
    assert found.p50_median == pytest.approx(0.1)


def test_five_loads_between_a_fifth_and_nine_tenths_were_not_calibrated_on() -> None:
    traffic = scenario_traffic(load("one_machine"))

    found = points(traffic, max_per_s=200.0, calibration=calibration())

    usual = [point for point in found if point.mix == "usual" and not point.calibrated_on]
    assert len(usual) >= 5
    assert min(point.share_of_max for point in usual) == 0.2
    assert max(point.share_of_max for point in usual) == 0.9
    # Calibrated at 100 requests a second, half of the maximum: a little less is tried.
    assert [p.share_of_max for p in found if p.calibrated_on] == []
    assert 0.46 in [pytest.approx(p.share_of_max) for p in usual]


def test_another_mix_has_other_shares_at_its_rate() -> None:
    traffic = scenario_traffic(load("one_machine"))

    other = points(traffic, max_per_s=200.0, calibration=calibration())[-1]

    assert other.mix == "other"
    assert other.traffic.rate_per_s == pytest.approx(100.0)
    usual = traffic.at(100.0).rates_per_s
    assert other.traffic.rates_per_s["text_post"] > 3 * usual["text_post"]
    assert other.traffic.rates_per_s["like"] < usual["like"]


def test_watchers_find_a_post_at_the_next_of_their_reads() -> None:
    # Reads of 2 ms begin 2, 7, 13.5, 22.25 and 34.375 ms on, after pauses that grow from 2 ms.
    found = as_watched(np.array([0.0, 0.002, 0.0021, 0.01, 0.03]), read_s=0.002)

    assert found == pytest.approx([0.004, 0.004, 0.009, 0.0155, 0.036375])


def test_renditions_that_nobody_waits_for_do_not_limit_what_is_answered() -> None:
    def capacity(*overrides: str) -> float:
        scenario = load("one_machine", overrides=overrides)
        return capacity_per_s(scenario, scenario_traffic(scenario).rates_per_s)

    usual = capacity("boxes.media_processor.service_time=1ms")
    slow = capacity("boxes.media_processor.service_time=10s")

    # They would be full at 14 requests a second. What comes after them takes less of the core.
    assert usual < slow < 2 * usual
    assert capacity("boxes.post_writer.service_time=1s") < usual / 2


def test_a_prediction_is_of_what_the_client_sees() -> None:
    scenario = load("one_machine")
    rates = scenario_traffic(scenario).at(5).rates_per_s

    bare = predicted(scenario, rates, seed=1)
    seen = predicted(scenario, rates, seed=1, client_s={"read_feed": 0.25})

    assert seen.p50_s["read_feed"] == pytest.approx((bare.p50_s["read_feed"] or 0.0) + 0.25)
    assert seen.p50_s["like"] == bare.p50_s["like"]


@pytest.mark.timeout(300)  # Half a million visits are played, on a machine that may be busy.
def test_a_machine_saturates_where_its_core_is_busy_all_the_time() -> None:
    scenario = load("one_machine")
    mix = dict(scenario_traffic(scenario).rates_per_s)
    capacity = capacity_per_s(scenario, mix)
    total = sum(mix.values())

    def rates(per_s: float) -> dict[str, float]:
        return {flow: rate * per_s / total for flow, rate in mix.items()}

    assert predicted(scenario, rates(capacity * 1.01), seed=1).p50_s["read_feed"] is None
    assert predicted(scenario, rates(capacity * 1.01), seed=1).utilisation > 1
    low = predicted(scenario, rates(capacity * 0.05), seed=1)
    high = predicted(scenario, rates(capacity * 0.7), seed=1)
    assert (low.p50_s["read_feed"] or 0.0) < (high.p50_s["read_feed"] or 0.0)
    assert low.busy < high.busy < 1

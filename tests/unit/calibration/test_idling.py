"""What visits take when the core is awake: a share of what they were measured to take."""

import pytest

from scenarios.calibration import Bin, BoxService, Calibration, Service
from scenarios.loader import load
from sim.calibration.idling import warm_boxes
from tests.unit.calibration.records import calibration

SHARE = 0.6


def times(factor: float) -> Service:
    """Return the times of one flow, all times a factor."""
    return Service(
        mean_s=0.002 * factor,
        scv=0.4,
        interval_s=(0.0015 * factor, 0.0025 * factor),
        samples=30,
        event_loop_s=0.0005 * factor,
        threads_s=0.0015 * factor,
    )


def box(factor: float) -> BoxService:
    """Return a box that serves batches, each of its times on the core times a factor."""
    return BoxService(
        **times(factor).model_dump(),
        histogram=(
            Bin(up_to_s=0.001 * factor, visits=10),
            Bin(up_to_s=0.004 * factor, visits=20),
        ),
        per_visit_s=0.0001 * factor,
        wait_s=0.003,
        flows={"like": times(2 * factor)},
    )


def measured(*names: str) -> Calibration:
    return calibration().model_copy(update={"boxes": dict.fromkeys(names, box(1.0))})


def numbers(table: object) -> list[object]:
    """Return all values of a table, and of those in it, one after the other."""
    if isinstance(table, dict):
        return [found for value in table.values() for found in numbers(value)]
    if isinstance(table, tuple | list):
        return [found for value in table for found in numbers(value)]
    return [table]


@pytest.mark.parametrize("name", ["feed_reader", "posts_db", "disk"])
def test_what_runs_on_the_core_takes_the_share_of_all_its_times(name: str) -> None:
    found = warm_boxes(measured(name), load("one_machine"), "core", share=SHARE)[name]

    # The disk's part of a batch is not the core's work, nor do variation and counts change.
    assert numbers(found.model_dump()) == pytest.approx(numbers(box(SHARE).model_dump()))


@pytest.mark.parametrize("name", ["media_processor", "of_another_scenario"])
def test_what_does_not_run_on_the_core_takes_what_it_was_measured_to_take(name: str) -> None:
    found = warm_boxes(measured(name, "feed_reader"), load("one_machine"), "core", share=SHARE)

    assert found[name] == box(1.0)
    assert found["feed_reader"] != box(1.0)


def test_what_is_left_of_a_short_visit_can_still_be_told() -> None:
    short = box(1.0).model_copy(update={"mean_s": 1.2e-6, "interval_s": (1.1e-6, 1.3e-6)})
    found = warm_boxes(
        measured("feed_reader").model_copy(update={"boxes": {"feed_reader": short}}),
        load("one_machine"),
        "core",
        share=SHARE,
    )["feed_reader"]

    low_s, high_s = found.interval_s
    assert found.mean_s == pytest.approx(1e-6)
    assert low_s <= found.mean_s <= high_s

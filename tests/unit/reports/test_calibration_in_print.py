"""A calibration in print: what it says of a core that sleeps."""

from reports.calibration import calibration_text
from tests.unit.calibration.records import calibration


def test_what_waking_up_takes_is_told_beside_what_is_left_to_visits() -> None:
    lines = calibration_text(calibration()).splitlines()

    assert (
        "core: wakes up in 400 us, with 100 us of work, and up to 2.1 ms more after a long sleep"
    ) in lines
    assert "visits: 80 % of what was measured on average, without the work of waking up" in lines


def test_what_was_not_told_apart_is_not_told() -> None:
    older = calibration().model_copy(
        update={"cold_work_s": {}, "cools_in_s": {}, "warm_share": 1.0}
    )

    text = calibration_text(older)

    assert "core: wakes up in 400 us, with 100 us of work\n" in text
    assert "visits: " not in text

"""A calibration file: written, read back, refused when it is none, and laid over a scenario."""

from pathlib import Path

import pytest

from scenarios.calibration import is_measured, read_calibration
from scenarios.errors import CalibrationError
from scenarios.loader import load
from sim.calibration.writing import calibration_text, write_calibration
from sim.estimates.book import open_sheet
from sim.estimates.workload import workload
from tests.unit.calibration.records import calibration


def written(folder: Path) -> Path:
    path = folder / "calibration.toml"
    write_calibration(calibration(), path)
    return path


def damaged(folder: Path, old: str, new: str) -> str:
    """Return what is said of a calibration file with a piece of it replaced."""
    path = folder / "damaged.toml"
    text = calibration_text(calibration())
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(CalibrationError) as refused:
        read_calibration(path)
    return str(refused.value)


def test_a_calibration_read_back_is_the_one_written(tmp_path: Path) -> None:
    path = written(tmp_path)

    assert read_calibration(path).model_copy(update={"file": ""}) == calibration()


def test_writing_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["calibration.toml"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    taken = tmp_path / "calibration.toml"
    taken.mkdir()

    with pytest.raises(OSError, match="calibration"):
        write_calibration(calibration(), taken)

    assert [path.name for path in tmp_path.iterdir()] == ["calibration.toml"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("scv = 0.3", "scv = -1", "boxes.feed_reader.scv: found -1"),
        ("cores = 2", "", "machine.cores: found nothing, expected a value"),
        ("kernel =", "kernal =", "machine.kernal: unknown key (did you mean 'kernel'?)"),
        ("format_version = 2", "format_version = 9", "format_version: found 9, expected 2"),
        ("format_version = 2", "format_version = = 2", "not a TOML file"),
    ],
)
def test_a_wrong_file_is_named_with_key_and_expectation(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    message = damaged(tmp_path, old, new)

    assert str(tmp_path / "damaged.toml") in message
    assert said in message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"nowhere\.toml: No such file"):
        read_calibration(tmp_path / "nowhere.toml")


def test_a_calibration_of_other_boxes_is_refused() -> None:
    other = calibration().model_copy(
        update={"boxes": {"warp_drive": calibration().boxes["feed_reader"]}, "wake_up_s": {}}
    )

    with pytest.raises(CalibrationError, match=r"warp_drive.*at least one box of the scenario"):
        load("news_feed", calibration=other.model_copy(update={"wake_up_work_s": {}, "flows": {}}))


def test_a_file_from_before_sleep_was_told_apart_still_counts(tmp_path: Path) -> None:
    lines = calibration_text(calibration()).splitlines()
    for table in ("cold_work_s", "cools_in_s"):
        at = lines.index(f"[{table}]")
        del lines[at : at + 2]
    path = tmp_path / "old.toml"
    path.write_text("\n".join(line for line in lines if not line.startswith("warm_share")))

    found = read_calibration(path)

    assert (found.cold_work_s, found.cools_in_s, found.warm_share) == ({}, {}, 1.0)
    assert found.wake_up_work_s == {"core": 0.0001}
    core = load("one_machine", calibration=found).boxes["core"]
    assert core.cools_in == load("one_machine").boxes["core"].cools_in


def test_a_box_cools_as_it_did_when_its_cold_work_was_found(tmp_path: Path) -> None:
    measured = calibration().model_copy(update={"cools_in_s": {"core": 0.002}})
    path = tmp_path / "never_cools.toml"
    path.write_text('extends = "one_machine"\n[boxes.core]\ncold_work = false\ncools_in = false\n')

    for name in ("one_machine", str(path)):
        core = load(name, calibration=measured).boxes["core"]
        assert core.cold_work is not None
        assert core.cools_in is not None
        assert (float(core.cold_work), float(core.cools_in)) == pytest.approx((0.0021, 0.002))
        assert not is_measured(core.cools_in.source)


def test_only_what_was_measured_changes(tmp_path: Path) -> None:
    assumed = dict(load("one_machine").assumptions())
    measured = dict(
        load("one_machine", calibration=read_calibration(written(tmp_path))).assumptions()
    )

    changed = {key for key, value in measured.items() if is_measured(value.source)}

    assert changed == {
        "boxes.feed_reader.service_time",
        "boxes.feed_reader.scv",
        "boxes.core.wake_up",
        "boxes.core.wake_up_work",
        "boxes.core.cold_work",
        "flows.read_feed.steps.feed_reader.service_time",
        "flows.read_feed.steps.feed_reader.scv",
        "flows.read_feed.steps.feed_reader.probability",
        # The feed reader sorts, where a design has it do that.
        "flows.read_feed.steps.sort.service_time",
        "flows.read_feed.steps.sort.scv",
        "flows.read_feed.steps.sort.probability",
        "flows.read_feed.steps.feeds_db.probability",
        "flows.read_feed.steps.users_db.probability",
        "flows.media_post.steps.clips.service_time",
        "flows.media_post.steps.clips.time_per_item",
    }
    assert all(
        (float(value), value.source) == (float(assumed[key]), assumed[key].source)
        for key, value in measured.items()
        if key not in changed | {"boxes.core.cools_in"}
    )
    assert float(measured["boxes.core.cools_in"]) == pytest.approx(0.03)


def test_a_measured_figure_has_its_value_its_interval_and_its_source(tmp_path: Path) -> None:
    path = written(tmp_path)
    measured = load("one_machine", calibration=read_calibration(path)).boxes["feed_reader"]

    assert measured.service_time is not None
    assert float(measured.service_time) == pytest.approx(0.0005)
    assert (measured.service_time.low, measured.service_time.high) == pytest.approx(
        (0.00045, 0.00055)
    )
    assert measured.service_time.source == (
        f'measured on 2 x "Some" CPU, 2026-11-22 (calibration {path}): 50 visits'
    )


def test_a_step_with_a_time_of_its_own_takes_no_share_of_the_visit() -> None:
    measured = calibration()
    reader = measured.boxes["feed_reader"]
    put = reader.flows["read_feed"].model_copy(update={"mean_s": 0.002})
    stored = reader.model_copy(update={"flows": {"media_post": put}})
    other = measured.model_copy(update={"boxes": {"object_storage": stored}, "flows": {}})
    scenario = load("one_machine", calibration=other)

    steps = {step.name: step.service_time for step in scenario.flows["media_post"].steps}

    assert float(steps["object_storage"] or 0) == pytest.approx(0.002)
    assert float(steps["renditions"] or 0) == pytest.approx(0.001)


def test_clips_and_pictures_take_what_each_was_measured_to_take() -> None:
    measured = calibration()
    pictures = measured.boxes["feed_reader"].model_copy(update={"mean_s": 0.2, "flows": {}})
    other = measured.model_copy(
        update={"boxes": {"media_processor": pictures}, "flows": {}, "wake_up_s": {}}
    )
    scenario = load("news_feed", calibration=other)

    flow = next(
        each for each in open_sheet(scenario).once(workload).flows if each.name == "media_post"
    )

    picture, film = (
        next(step for step in flow.steps if step.name == name)
        for name in ("media_processor", "clips")
    )
    assert picture.mean_visit_time_s == pytest.approx(0.2)
    # 20 MB of 14.6 s.
    assert film.mean_visit_time_s == pytest.approx(0.9 + 0.6 * 14.6)
    assert (picture.mean_visits, film.mean_visits) == pytest.approx((0.75, 0.25))
    step = next(each for each in scenario.flows["media_post"].steps if each.name == "clips")
    assert step.time_per_item is not None
    assert is_measured(step.time_per_item.source)


def test_set_on_the_command_line_counts_over_a_calibration() -> None:
    scenario = load(
        "one_machine",
        overrides=["boxes.feed_reader.service_time=9ms"],
        calibration=calibration(),
    )

    assert scenario.boxes["feed_reader"].mean_service_time_s == pytest.approx(0.009)


def test_a_step_with_a_time_of_its_own_keeps_it() -> None:
    measured = calibration()
    other = measured.model_copy(
        update={"boxes": {"posts_db": measured.boxes["feed_reader"]}, "flows": {}}
    )
    steps = {
        step.name: step for step in load("news_feed", calibration=other).flows["read_feed"].steps
    }

    own = steps["hydration"].service_time
    assert own is not None
    assert (float(own), own.source) == (0.0005, "assumption: one batched read")


def test_an_interval_that_reaches_down_to_zero_is_taken_nonetheless(tmp_path: Path) -> None:
    found = calibration()
    reader = found.boxes["feed_reader"]
    wide = reader.model_copy(
        update={
            "interval_s": (0.0, 0.002),
            "flows": {
                "read_feed": reader.flows["read_feed"].model_copy(
                    update={"interval_s": (0.0, 0.002)}
                )
            },
        }
    )
    path = tmp_path / "wide.toml"
    write_calibration(found.model_copy(update={"boxes": {"feed_reader": wide}}), path)

    measured = load("one_machine", calibration=read_calibration(path)).boxes["feed_reader"]

    assert measured.service_time is not None
    assert 0 < (measured.service_time.low or 0) < float(measured.service_time) / 100

"""What the commands say when a calibration is not of this machine, or not of the scenario."""

from pathlib import Path

import pytest

from cli.options import told_of_calibration
from scenarios.loader import load
from sim.calibration.writing import write_calibration
from sim.loadtest.cores import processor
from tests.unit.calibration.records import calibration


def said(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    told_of_calibration(load("one_machine"), path)
    return capsys.readouterr().err


def test_another_machine_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "calibration.toml"
    write_calibration(calibration(), path)

    assert f'was measured on 2 x "Some" CPU; this is {processor()}' in said(path, capsys)


def test_a_box_that_the_scenario_lacks_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, found = tmp_path / "calibration.toml", calibration()
    service = found.boxes["feed_reader"]
    machine = found.machine.model_copy(update={"cpu": processor()})
    boxes = found.boxes | {"feed_raeder": service}
    write_calibration(found.model_copy(update={"boxes": boxes, "machine": machine}), path)

    text = said(path, capsys)

    assert "has measured feed_raeder, which the scenario does not have" in text
    assert "this is" not in text

"""The loop closed on the real server, briefly: calibrated, taken by other commands, validated."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scenarios.calibration import read_calibration
from tests.e2e.program import RunProgram

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SHORT = ("--duration", "3s", "--warmup", "1s", "--world", "100")


@pytest.fixture(scope="module")
def calibration(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibration of some seconds: right in its order of magnitude at most."""
    path = tmp_path_factory.mktemp("calibration") / "calibration.toml"
    command = [str(program), "calibrate", "--to", str(path), "--rates", "20,40,60", *SHORT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "feed_reader" in done.stdout
    return path


def test_a_server_is_calibrated_and_its_loads_are_predicted(
    run_socialfeed: RunProgram, calibration: Path
) -> None:
    found = read_calibration(calibration)
    assert {"api_gateway", "feed_reader", "like_service", "posts_db", "disk"} <= found.boxes.keys()
    assert [load.used_for for load in found.loads] == ["waiting", "service", "service"]
    for box in found.boxes.values():
        assert 1e-6 <= box.mean_s < 1
        assert box.interval_s[0] <= box.mean_s <= box.interval_s[1]
    assert found.boxes["disk"].wait_s > 0
    # A media post is three requests; the file has three digits of each.
    assert found.client_s["media_post"] == pytest.approx(3 * found.client_s["read_feed"], rel=0.01)
    assert found.clips is not None
    # Whatever else the machine does meanwhile.
    assert 0.05 < found.clips.per_second_s < 20

    estimated = run_socialfeed("estimate", "one_machine", "--calibration", str(calibration))
    assert estimated.returncode == 0
    assert "figures are measured" in estimated.stderr

    done = run_socialfeed(
        "validate", "--calibration", str(calibration), "--max-rate", "60", "--json", *SHORT
    )
    document = json.loads(done.stdout)
    # A machine that is busy with something else makes loads invalid, which the code then tells.
    is_whole = all(not load["invalid_because"] for load in document["loads"])
    has_points = document["error"]["points"] > 0
    assert done.returncode == (0 if is_whole and has_points else 4), done.stderr
    assert len(document["loads"]) == 7
    assert len({point["offered_per_s"] for point in document["points"]}) == 7
    assert not any(point["calibrated_on"] for point in document["points"])
    reads = [point for point in document["points"] if point["flow"] == "read_feed"]
    lowest = min(reads, key=lambda point: point["offered_per_s"])
    assert 1e-4 < lowest["predicted_p50_s"] < 1
    assert document["error"].keys() >= {"p50_median", "p99_median"}
    assert document["measured_figures"] > 20


def test_ctrl_c_ends_a_calibration_and_leaves_no_file(program: Path, tmp_path: Path) -> None:
    arguments = ("calibrate", "--rates", "20,40", "--duration", "60s", "--world", "100")
    with _started(program, tmp_path, *arguments) as run:
        _wait_for_line(run, "measuring at")
        run.send_signal(signal.SIGINT)
        stdout, _ = run.communicate(timeout=60)

    assert run.returncode == 130
    assert stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_the_loads_of_a_validation(
    program: Path, tmp_path: Path, calibration: Path
) -> None:
    arguments = ("validate", "--calibration", str(calibration), "--max-rate", "60", "--json")
    with _started(program, tmp_path, *arguments, *SHORT) as run:
        for _ in range(2):
            _wait_for_line(run, "measuring")
        run.send_signal(signal.SIGINT)
        stdout, _ = run.communicate(timeout=60)

    assert run.returncode == 130
    document = json.loads(stdout)
    assert document["run"]["is_interrupted"] is True
    assert len(document["loads"]) == 1


@contextmanager
def _started(program: Path, folder: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    run = subprocess.Popen(
        [program, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield run
    finally:
        run.kill()
        run.wait()


def _wait_for_line(run: "subprocess.Popen[str]", text: str) -> None:
    assert run.stderr is not None
    for line in run.stderr:
        if text in line:
            # The load generators are started meanwhile: Ctrl-C may come at any time.
            return
    pytest.fail(f"it ended before it said {text!r}")


def test_what_cannot_be_calibrated_is_said_before_it_is_tried(
    run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    for arguments, said in (
        (("calibrate", "--rates", "20"), "expected two rates or more"),
        (("calibrate", "--to", str(tmp_path)), "expected a file that can be written"),
        (("calibrate", "--duration", "0s"), "expected more than zero"),
        (("validate", "--calibration", "nowhere.toml"), "nowhere.toml: No such file"),
        (("validate", "--max-rate", "none"), "expected a plain number"),
    ):
        done = run_socialfeed(*arguments)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr

"""The loop closed on the real server, briefly: calibrated, taken by other commands, validated."""

import json
from pathlib import Path

import pytest

from scenarios.calibration import read_calibration
from tests.e2e.program import RunProgram

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SHORT = ("--duration", "3s", "--warmup", "1s", "--world", "100")


@pytest.fixture
def calibration(run_socialfeed: RunProgram, tmp_path: Path) -> Path:
    """A calibration of some seconds: right in its order of magnitude at most."""
    path = tmp_path / "calibration.toml"
    rates = ("--rates", "20,40,60")
    done = run_socialfeed("calibrate", "--to", str(path), *rates, *SHORT)
    assert done.returncode == 0, done.stderr
    assert "feed_reader" in done.stdout
    return path


def test_a_server_is_calibrated_and_its_loads_are_predicted(
    run_socialfeed: RunProgram, calibration: Path
) -> None:
    found = read_calibration(calibration)
    assert {"api_gateway", "feed_reader", "like_service", "posts_db"} <= found.boxes.keys()
    assert [load.used_for for load in found.loads] == ["waiting", "service", "service"]
    for box in found.boxes.values():
        assert 1e-6 < box.mean_s < 1
        assert box.interval_s[0] <= box.mean_s <= box.interval_s[1]

    estimated = run_socialfeed("estimate", "one_machine", "--calibration", str(calibration))
    assert estimated.returncode == 0
    assert "figures are measured" in estimated.stderr

    done = run_socialfeed(
        "validate", "--calibration", str(calibration), "--max-rate", "60", "--json", *SHORT
    )
    document = json.loads(done.stdout)
    assert done.returncode in {0, 4}, done.stderr
    flows = {"read_feed", "text_post", "media_post", "like", "comment", "follow", "unfollow"}
    assert {point["flow"] for point in document["points"]} <= flows
    assert len({point["offered_per_s"] for point in document["points"]}) >= 6
    reads = [point for point in document["points"] if point["flow"] == "read_feed"]
    assert all(point["predicted_p50_s"] > 0 and point["measured_p50_s"] > 0 for point in reads)
    assert document["error"].keys() >= {"p50_median", "p99_median"}
    assert document["measured_figures"] > 20


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

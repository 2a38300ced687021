"""The report of a validation: its verdict, its charts, its tables, and all of it read back."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from reports.content import Chart
from reports.document import read_any
from reports.folder import write_report
from reports.validation.sections import outline
from reports.validation.terminal import print_validation
from reports.validation.verdict import verdict
from sim.results.estimates import ScenarioSummary
from sim.results.simulation import Finding, Reproduce
from sim.results.validation import ValidationDocument, ValidationRun, ValidationSetup
from sim.validation.comparison import error_of, objectives_of
from tests.unit.reports.sample import simulation
from tests.unit.validation.test_comparison import LOAD, POINT


def document() -> ValidationDocument:
    """Return a small validation of two loads."""
    points = (
        POINT,
        replace(POINT, flow="like", offered_per_s=150.0, predicted_p50_s=0.007, p50_error=0.4),
    )
    loads = (LOAD, replace(LOAD, offered_per_s=150.0))
    error = error_of(points, loads)
    return ValidationDocument(
        scenario=_scenario(),
        points=points,
        error=error,
        loads=loads,
        objectives=objectives_of(error),
        findings=(Finding("note", "The prediction is worst for like."),),
        measured_figures=40,
        assumed_figures=260,
        setup=ValidationSetup(
            calibration="calibration.toml, measured on Some CPU, 2026-11-22",
            measured_max_per_s=390.0,
            predicted_max_per_s=470.0,
            users=2000,
            warmup_s=3.0,
            measured_s=15.0,
            cpu="2 x Some CPU",
        ),
        reproduce=Reproduce(command="socialfeed validate", versions={"simpy": "4.1"}),
        run=ValidationRun(seed=1, wall_s=200.0),
    )


def _scenario() -> ScenarioSummary:
    return simulation().scenario


def test_the_verdict_says_how_far_the_model_is_off() -> None:
    told = verdict(document())

    assert told.headline.startswith("Half of the predicted medians are within 25 %")
    assert "390/s" in told.breaks_first
    assert "470/s" in told.breaks_first


def test_a_validation_without_a_valid_point_says_so() -> None:
    nothing = replace(
        document(), error=error_of([], []), objectives=objectives_of(error_of([], []))
    )

    assert verdict(nothing).headline == "No prediction could be held against a measurement."


def test_a_report_is_written_whole_and_read_back(tmp_path: Path) -> None:
    write_report(document(), tmp_path / "out")

    names = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert names >= {"report.html", "report.md", "report.json", "points.csv", "loads.csv"}
    assert {"medians.svg", "slowest.svg", "throughput.svg", "freshness.svg"} <= names
    assert read_any(tmp_path / "out") == document()


def test_all_charts_have_a_sentence_and_their_data() -> None:
    blocks = [block for section in outline(document()) for block in section.blocks]
    charts = [block for block in blocks if isinstance(block, Chart)]

    assert len(charts) == 4
    assert all(chart.sentence and chart.data.rows for chart in charts)


def test_a_terminal_shows_predicted_and_measured_side_by_side() -> None:
    shown = StringIO()

    print_validation(document(), Console(file=shown, width=80))

    row = next(line for line in shown.getvalue().splitlines() if line.strip().startswith("150/s"))
    assert all(text in row for text in ("like", "7 ms", "5 ms", "40 %"))

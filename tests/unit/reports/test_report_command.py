"""`socialfeed report`: again from the document alone, and two runs side by side."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reports.document import to_json
from tests.unit.reports.sample import simulation

# Registers the command as the program does, whether or not the program does so already.
PROGRAM = """
import sys
from cli.main import app, main
from cli.report import report
if "report" not in {group.name for group in app.registered_groups}:
    app.add_typer(report, name="report")
main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with nothing but the document of a run."""
    folder = tmp_path / "out"
    folder.mkdir()
    folder.joinpath("report.json").write_text(to_json(simulation()), encoding="utf-8")
    return folder


def report(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `socialfeed report` with these arguments."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "report", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_report_is_rendered_from_its_document_alone(folder: Path) -> None:
    done = report(folder)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Report: {folder}/report.html\n"
    assert {"report.html", "report.md", "cost.csv"} <= {file.name for file in folder.iterdir()}


@pytest.mark.slow
def test_a_folder_may_be_called_like_a_command(folder: Path) -> None:
    folder.rename(folder.with_name("compare"))

    assert report("./compare", cwd=folder.parent).returncode == 0


def test_two_runs_are_compared(folder: Path) -> None:
    done = report("compare", folder, folder / "report.json")

    assert done.returncode == 0
    assert "figures are the same." in done.stdout


def test_a_comparison_is_one_json_document(folder: Path) -> None:
    done = report("compare", folder, folder, "--json")

    rows = json.loads(done.stdout)["rows"]
    assert {"section", "name", "unit", "a", "b", "ratio"} == set(rows[0])


def test_a_comparison_is_printed_as_markdown(folder: Path) -> None:
    assert report("compare", folder, folder, "--markdown").stdout.startswith("# Two runs")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nowhere"],
        ["compare"],
        ["compare", "nowhere"],
        ["compare", "nowhere", "nowhere"],
        ["nowhere", "too", "many"],
        ["--no-such-option"],
    ],
)
def test_bad_usage_exits_2_without_traceback(tmp_path: Path, arguments: list[str]) -> None:
    done = report(*arguments, cwd=tmp_path)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_two_formats_at_once_are_refused(folder: Path) -> None:
    done = report("compare", folder, folder, "--json", "--markdown")

    assert (done.returncode, done.stdout) == (2, "")


def test_a_file_that_is_no_document_exits_2_and_is_named(folder: Path) -> None:
    folder.joinpath("report.json").write_bytes(b"\x00\xff")

    done = report("compare", folder, folder)

    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {folder}/report.json: not a JSON document")
    assert done.stderr.count("\n") == 1


def test_help_shows_examples_first() -> None:
    done = report("--help")

    assert done.returncode == 0
    assert 0 < done.stdout.index("Examples:") < done.stdout.index("Options:")

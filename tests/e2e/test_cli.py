"""The command line as a whole: help, exit codes, and what is printed where."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.program import RunProgram

HEAVY_PACKAGES = [
    "aiohttp",
    "jinja2",
    "locust",
    "numpy",
    "pandas",
    "redis",
    "rich",
    "scipy",
    "simpy",
    "vl_convert",
]


def run_command_that(*statements: str) -> subprocess.CompletedProcess[str]:
    """Run the program with one more command, `fail`, that does these statements."""
    body = "\n    ".join(statements)
    script = f"from cli.main import app, main\n@app.command()\ndef fail():\n    {body}\nmain()"
    return subprocess.run(
        [sys.executable, "-c", script, "fail"], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"]])
def test_help_shows_examples_before_options(
    run_socialfeed: RunProgram, arguments: list[str]
) -> None:
    done = run_socialfeed(*arguments)

    assert done.returncode == 0
    assert 0 < done.stdout.index("Examples:") < done.stdout.index("Options:")


def test_help_has_no_colour_when_it_is_not_printed_on_a_terminal(
    run_socialfeed: RunProgram,
) -> None:
    assert "\x1b" not in run_socialfeed("--help").stdout


def test_the_version_is_printed(run_socialfeed: RunProgram) -> None:
    assert run_socialfeed("--version").stdout == "socialfeed 0.1.0\n"


@pytest.mark.parametrize(
    "arguments", [["no-such-command"], ["serve", "--no-such-option"], ["serve", "--port", "70000"]]
)
def test_bad_usage_exits_2_and_prints_nothing_to_stdout(
    run_socialfeed: RunProgram, arguments: list[str]
) -> None:
    done = run_socialfeed(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert arguments[-1] in done.stderr or "--port" in done.stderr


def test_starting_the_program_imports_no_heavy_package() -> None:
    script = f"import sys, cli.main; print(*set({HEAVY_PACKAGES!r}) & set(sys.modules))"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []


def test_a_scenario_error_exits_2_with_its_message_alone() -> None:
    done = run_command_that(
        "from scenarios.errors import ScenarioError", "raise ScenarioError('a.toml: bad')"
    )

    assert (done.returncode, done.stderr) == (2, "Error: a.toml: bad\n")


def test_a_full_disk_exits_1_and_names_the_file() -> None:
    done = run_command_that(
        "import errno", "raise OSError(errno.ENOSPC, 'No space left on device', 'report.json')"
    )

    assert (done.returncode, done.stderr) == (1, "Error: report.json: No space left on device\n")


def test_an_interrupt_exits_130_without_traceback() -> None:
    done = run_command_that("raise KeyboardInterrupt")

    assert (done.returncode, done.stderr) == (130, "")


def test_an_interrupt_while_the_program_is_loaded_exits_130_without_a_word(
    program: Path, tmp_path: Path
) -> None:
    # In place of the first package that it loads.
    (tmp_path / "typer.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"
    )

    done = subprocess.run(
        [program, "--help"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["serve", "--uploads", "0"], "a whole number of 1 or more; found '0'"),
        (["serve", "--port", "99999"], "a whole number from 0 to 65535; found '99999'"),
        (["serve", "--rate-limit", "some"], "a number of 0 or more; found 'some'"),
        (["estimate", "--seed", "1.5"], "a whole number of 0 or more; found '1.5'"),
        (["dead-letters", "replay", "x"], "a whole number of 1 or more; found 'x'"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value[0],
)
def test_a_number_that_cannot_be_is_told_in_the_words_of_all_options(
    run_socialfeed: RunProgram, arguments: list[str], expected: str
) -> None:
    done = run_socialfeed(*arguments)

    assert done.returncode == 2
    assert done.stderr.endswith(f"expected {expected}\n")


def test_a_bug_exits_1_and_says_how_to_see_the_traceback() -> None:
    done = run_command_that("raise RuntimeError('boom')")

    assert done.returncode == 1
    assert done.stderr.startswith("Error: unexpected RuntimeError: boom\n")
    assert "--traceback" in done.stderr
    assert "Traceback (most recent call last)" not in done.stderr


def test_traceback_shows_where_an_error_came_from(
    run_socialfeed: RunProgram, tmp_path: Path
) -> None:
    tmp_path.joinpath("taken").touch()

    done = run_socialfeed("--traceback", "serve", "--data", "taken")

    assert done.returncode == 2
    assert "Traceback (most recent call last)" in done.stderr


def test_a_reader_that_leaves_early_sees_no_error(program: Path) -> None:
    with subprocess.Popen(
        [program, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()

        assert process.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no device that is always full")
def test_output_to_a_full_device_exits_1_with_one_message(program: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [program, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert (done.returncode, done.stderr) == (1, "Error: No space left on device\n")


# As in a locale of that encoding, which not every machine has.
LATIN_1 = {"PYTHONIOENCODING": "latin-1", "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_locale_without_utf_8_shows_question_marks_and_no_error(stream: str) -> None:
    script = (
        "import sys, typer\nfrom cli.main import app, main\n@app.command()\ndef say():\n"
        rf"    typer.echo('99 \u00b7 3 \u2026', file=sys.{stream})" + "\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "say"], env=LATIN_1, capture_output=True, check=False
    )

    assert (done.returncode, getattr(done, stream)) == (0, b"99 \xb7 3 ?\n")


def test_a_scenario_in_any_script_is_printed_in_a_locale_without_utf_8(
    program: Path, tmp_path: Path
) -> None:
    scenario = 'extends = "news_feed"\nname = "mine"\ntitle = "Größe …"\n'
    tmp_path.joinpath("mine.toml").write_text(scenario, encoding="utf-8")

    done = subprocess.run(
        [program, "estimate", "mine.toml"],
        env=LATIN_1,
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith("Größe ?\n".encode("latin-1"))
    assert b"egress_bytes_per_s" in done.stdout

"""docs/cli.md: no command and no option without its place there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.exits import ExitCode
from cli.main import Session, app

DOCUMENT = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
PROGRAM = "socialfeed"
GLOBAL_OPTIONS = "Options before the command"


def commands_below(  # Typer keeps its types private
    command: Any,  # noqa: ANN401
    path: str,
) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands_below(child, f"{path} {name}")


COMMANDS = dict(commands_below(typer.main.get_command(app), PROGRAM))
DOCUMENTED = {path: command for path, command in COMMANDS.items() if not command.hidden}
OPTIONS = [
    (path, option)
    for path, command in DOCUMENTED.items()
    for parameter in command.params
    if parameter.param_type_name == "option"
    for option in (*parameter.opts, *parameter.secondary_opts)
]


def section(title: str) -> str:
    """Text below the heading of that title, up to the next heading; empty without one."""
    parts = re.split(r"^#+ (.+)$", DOCUMENT, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True)).get(title, "")


def section_of(path: str) -> str:
    return section(GLOBAL_OPTIONS if path == PROGRAM else path)


@pytest.mark.parametrize("path", COMMANDS)
def test_help_fits_on_80_columns_and_names_each_value_in_words(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    arguments = path.split()[1:]

    runner = CliRunner()
    text = runner.invoke(app, [*arguments, "--help"], prog_name=PROGRAM, obj=Session()).output

    assert "Usage" in text
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "range>" not in text


def test_the_program_has_commands_and_options_to_look_for() -> None:
    assert f"{PROGRAM} report compare" in COMMANDS
    assert (f"{PROGRAM} simulate", "--seed") in OPTIONS


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_is_there_with_an_example(path: str) -> None:
    assert path in DOCUMENT
    if path in DOCUMENTED:
        assert f"`{path}" in section_of(path)


@pytest.mark.parametrize(("path", "option"), OPTIONS)
def test_every_option_is_in_the_table_of_its_command_with_an_example(
    path: str, option: str
) -> None:
    starts = f"| `{option} ", f"| `{option}`"
    rows = [row for row in section_of(path).splitlines() if row.startswith(starts)]

    assert len(rows) == 1
    example = rows[0].split("|")[-2]
    assert option in example
    assert path in example or path == PROGRAM


@pytest.mark.parametrize("path", DOCUMENTED)
def test_no_option_is_documented_that_does_not_exist(path: str) -> None:
    named = re.findall(r"^\| `(--[a-z0-9-]+)", section_of(path), flags=re.MULTILINE)

    assert set(named) - {"--help"} <= {option for owner, option in OPTIONS if owner == path}


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_there(code: ExitCode) -> None:
    assert f"\n| {code.value} |" in section("Exit codes")

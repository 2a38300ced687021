"""Options that several commands share, and how their text is read."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.numbers import whole_number

if TYPE_CHECKING:
    from scenarios.calibration import Calibration as Measurements
    from scenarios.model import Scenario

DEFAULT_SCENARIO = "news_feed"
DEFAULT_SEED = 1
DEFAULT_PUSH_THRESHOLD = 10_000


def _users(text: str) -> float:
    from scenarios.errors import QuantityError
    from scenarios.quantities import EXPECTED, Dimension, parse

    try:
        users = parse(text, Dimension.COUNT)
    except QuantityError as error:
        raise typer.BadParameter(str(error)) from error
    if users <= 0:
        message = f"found {text!r}, expected more than zero: {EXPECTED[Dimension.COUNT]}"
        raise typer.BadParameter(message)
    return users


def data_folder(text: str | Path) -> Path:
    """Return the folder that an option names."""
    if not str(text):
        message = "expected a folder; for the current one write ."
        raise typer.BadParameter(message)
    return Path(text)


ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A library name, or a TOML file.")
]
Dau = Annotated[
    float | None,
    typer.Option(parser=_users, metavar="USERS", help="Daily active users, such as 500M."),
]
Mau = Annotated[
    float | None,
    typer.Option(
        parser=_users,
        metavar="USERS",
        help="Monthly active users; if only --dau is given, the scenario's ratio is kept.",
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change any figure, such as activity.posting_share=20%; repeatable.",
    ),
]
Calibration = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Take what calibrate has measured, in this file, where the scenario assumes.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        parser=whole_number(),
        metavar="N",
        help="Same seed, same numbers; estimates draw no random numbers.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder to write to; made if missing.")
]


def calibration_of(path: Path | None) -> "Measurements | None":
    """Return the calibration that was asked for, or None."""
    if path is None:
        return None
    from scenarios.calibration import read_calibration

    return read_calibration(path)


def told_of_calibration(scenario: "Scenario", calibration: Path | None) -> None:
    """Say on stderr how many of a scenario's figures a calibration has replaced."""
    if calibration is None:
        return
    from scenarios.calibration import is_measured

    assumptions = [assumption for _, assumption in scenario.assumptions()]
    measured = sum(is_measured(assumption.source) for assumption in assumptions)
    typer.echo(
        f"{measured} of {len(assumptions)} figures are measured ({calibration}), the others are "
        "assumed",
        err=True,
    )
    for warning in _doubts(scenario, calibration):
        typer.echo(f"Warning: {warning}", err=True)


def _doubts(scenario: "Scenario", path: Path) -> Iterator[str]:
    """What speaks against taking a calibration for this scenario on this machine."""
    from scenarios.calibration import read_calibration
    from sim.loadtest.cores import processor

    calibration = read_calibration(path)
    here = processor()
    if calibration.machine.cpu != here:
        yield f"{path} was measured on {calibration.machine.cpu}; this is {here}"
    unknown = sorted(calibration.boxes.keys() - scenario.boxes.keys())
    if unknown:
        yield f"{path} has measured {', '.join(unknown)}, which the scenario does not have"

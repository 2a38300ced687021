"""`socialfeed simulate`: a scenario's fleet, played at its peak and over its day."""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import ExitCode
from cli.options import (
    DEFAULT_SCENARIO,
    DEFAULT_SEED,
    Calibration,
    Dau,
    Json,
    Mau,
    Out,
    ScenarioName,
    Seed,
    Sets,
    calibration_of,
    told_of_calibration,
)
from cli.reporting import expect_report_folder

if TYPE_CHECKING:
    from sim.results.simulation import SimulationDocument


def simulate(
    scenario: ScenarioName = DEFAULT_SCENARIO,
    *,
    dau: Dau = None,
    mau: Mau = None,
    sets: Sets = None,
    calibration: Calibration = None,
    seed: Seed = DEFAULT_SEED,
    as_json: Json = False,
    out: Out = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 3 when an objective is missed.")
    ] = False,
) -> None:
    """Size the fleet, simulate its peak and its day, and judge it by its objectives.

    \b
    Examples:
      socialfeed simulate --dau 500M
      socialfeed simulate --dau 500M --out report     a report to read, as HTML
      socialfeed simulate celebrity --set fanout=hybrid
      socialfeed simulate my_feed.toml --check --json
    """
    from reports.document import to_json
    from scenarios.loader import load

    loaded = load(
        scenario, dau=dau, mau=mau, overrides=sets or [], calibration=calibration_of(calibration)
    )
    told_of_calibration(loaded, calibration)
    expect_report_folder(out)
    from cli.progress import progress_bar
    from sim.document import simulation_document
    from sim.study import study

    begun_s = time.perf_counter()
    with progress_bar("Simulating") as show:
        found = study(loaded, seed=seed, on_progress=lambda now: show(now.done, now.total))
    document = simulation_document(
        found,
        seed=seed,
        command=_command(
            scenario, dau=dau, mau=mau, given=_given(sets or [], calibration), seed=seed
        ),
        wall_s=time.perf_counter() - begun_s,
    )
    page = None if out is None else _write(document, out)
    if as_json:
        typer.echo(to_json(document), nl=False)
    else:
        from rich.console import Console

        from reports.terminal import print_simulation

        print_simulation(document, Console(), page)
    if check and any(objective.met is False for objective in document.objectives):
        raise typer.Exit(ExitCode.OBJECTIVE_MISSED)


def _write(document: "SimulationDocument", directory: Path) -> Path:
    from reports.folder import write_report

    write_report(document, directory)
    return directory / "report.html"


def _command(
    scenario: str, *, dau: float | None, mau: float | None, given: Sequence[str], seed: int
) -> str:
    from scenarios.quantities import format_exactly

    words = ["socialfeed", "simulate", scenario]
    for option, users in (("--dau", dau), ("--mau", mau)):
        if users is not None:
            words += [option, format_exactly(users)]
    return shlex.join([*words, *given, "--seed", str(seed)])


def _given(sets: Sequence[str], calibration: Path | None) -> list[str]:
    options = [word for each in sets for word in ("--set", each)]
    return [*options, "--calibration", str(calibration)] if calibration else options

"""`socialfeed validate`: the model's predictions against measurements of the server."""

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import CommandError, ExitCode
from cli.load_options import rate_per_s
from cli.measuring import (
    DEFAULT_MEASURED_S,
    DEFAULT_WARMUP_S,
    DEFAULT_WORLD,
    MEASURED_SCENARIO,
    Duration,
    Warmup,
    World,
    campaign_of,
    measuring_errors,
    metered_program,
    subject_of,
    told,
    told_of_world,
)
from cli.options import (
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
)

if TYPE_CHECKING:
    from sim.results.validation import ValidationDocument


def validate(
    scenario: ScenarioName = MEASURED_SCENARIO,
    *,
    dau: Dau = None,
    mau: Mau = None,
    sets: Sets = None,
    calibration: Calibration = None,
    max_rate: Annotated[
        float | None,
        typer.Option(
            parser=rate_per_s,
            metavar="N",
            help="The server's maximum, requests a second; measured first if left out.",
        ),
    ] = None,
    duration: Duration = None,
    warmup: Warmup = None,
    world: World = None,
    seed: Seed = DEFAULT_SEED,
    as_json: Json = False,
    out: Out = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Exit with 3 when the median errors are larger than wanted."),
    ] = False,
) -> None:
    """Predict loads on one machine, measure them, and tell how wrong the model is.

    Loads run from 20 % to 90 % of what the server can do, and one has another mix of requests.
    Without --calibration, the server is calibrated first.

    \b
    Examples:
      socialfeed validate
      socialfeed validate --calibration calibration.toml --out validation
      socialfeed validate --calibration calibration.toml --max-rate 380 --duration 60s
      socialfeed validate --check --json
    """
    from scenarios.loader import load
    from sim.validation.study import Request, validated

    loaded = load(scenario, dau=dau, mau=mau, overrides=sets or [])
    known = calibration_of(calibration)
    if known is not None:
        load(scenario, dau=dau, mau=mau, overrides=sets or [], calibration=known)
    if out is not None:
        _check_writable(out)
    measured_s = duration or DEFAULT_MEASURED_S
    warmup_s = DEFAULT_WARMUP_S if warmup is None else warmup
    with measuring_errors():
        document = validated(
            Request(
                subject=subject_of(scenario, loaded, sets or []),
                program=metered_program(scenario, loaded, sets or []),
                calibration=known,
                campaign=campaign_of((), warmup_s=warmup_s, measured_s=measured_s, seed=seed),
                max_per_s=max_rate,
                users=world or DEFAULT_WORLD,
                command=shlex.join(["socialfeed", *sys.argv[1:]]),
            ),
            told=told,
            told_of_world=told_of_world,
            clock_s=time.perf_counter,
        )
    if out is not None:
        from reports.folder import write_report

        write_report(document, out)
    _print(document, as_json=as_json, out=out)
    _end(document, check=check)


def _check_writable(directory: Path) -> None:
    from reports.errors import ReportError
    from reports.folder import check_writable

    try:
        check_writable(directory)
    except ReportError as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error


def _print(document: "ValidationDocument", *, as_json: bool, out: Path | None) -> None:
    if as_json:
        from reports.document import to_json

        typer.echo(to_json(document), nl=False)
        return
    from rich.console import Console

    from reports.validation.terminal import print_validation

    print_validation(document, Console(), None if out is None else out / "report.html")


def _end(document: "ValidationDocument", *, check: bool) -> None:
    """Exit with the code that tells how it went, if it is not 0."""
    if document.error.p50_median is None:
        raise typer.Exit(ExitCode.INVALID_RUN)
    if check and any(objective.met is False for objective in document.objectives):
        raise typer.Exit(ExitCode.OBJECTIVE_MISSED)

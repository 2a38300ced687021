"""`socialfeed validate`: the model's predictions against measurements of the server."""

import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import ExitCode
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
from cli.reporting import expect_report_folder

if TYPE_CHECKING:
    from scenarios.calibration import Calibration as Measured
    from scenarios.model import Scenario
    from sim.calibration.run import Campaign
    from sim.results.validation import ValidationDocument
    from sim.validation.study import Request


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
      socialfeed validate --calibration calibration.toml --max-rate 380
      socialfeed validate --check --json
    """
    asked = _Asked(scenario, dau, mau, tuple(sets or ()))
    expect_report_folder(out)
    measured_s, warmup_s = duration or DEFAULT_MEASURED_S, DEFAULT_WARMUP_S
    campaign = campaign_of(
        (), warmup_s=warmup_s if warmup is None else warmup, measured_s=measured_s, seed=seed
    )
    request = _request(
        asked, calibration, campaign, max_rate=max_rate, users=world or DEFAULT_WORLD
    )
    document = _validated(request)
    if out is not None:
        from reports.folder import write_report

        write_report(document, out)
    _print(document, as_json=as_json, out=out)
    _end(document, check=check)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The scenario that is asked for, by its name and the options that change it."""

    named: str
    dau: float | None
    mau: float | None
    sets: tuple[str, ...]

    def loaded(self, calibration: "Measured | None" = None) -> "Scenario":
        from scenarios.loader import load

        return load(
            self.named,
            dau=self.dau,
            mau=self.mau,
            overrides=list(self.sets),
            calibration=calibration,
        )


def _request(
    asked: _Asked,
    calibration: Path | None,
    campaign: "Campaign",
    *,
    max_rate: float | None,
    users: int,
) -> "Request":
    from sim.validation.study import Request

    scenario = asked.loaded()
    known = calibration_of(calibration)
    if known is not None:
        # Refused now, not after a minute, if it is none of this scenario's.
        asked.loaded(known)
    return Request(
        subject=subject_of(asked.named, scenario, asked.sets),
        program=metered_program(asked.named, scenario, asked.sets),
        calibration=known,
        campaign=campaign,
        max_per_s=max_rate,
        users=users,
        command=shlex.join(["socialfeed", *sys.argv[1:]]),
    )


def _validated(request: "Request") -> "ValidationDocument":
    from sim.validation.study import validated

    with measuring_errors():
        return validated(request, told=told, told_of_world=told_of_world, clock_s=time.perf_counter)


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
    if document.run.is_interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if not document.error.points or any(load.invalid_because for load in document.loads):
        raise typer.Exit(ExitCode.INVALID_RUN)
    if check and any(objective.met is False for objective in document.objectives):
        raise typer.Exit(ExitCode.OBJECTIVE_MISSED)

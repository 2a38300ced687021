"""`socialfeed calibrate`: service times of boxes, measured on this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

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
    expect_possible,
    measuring_errors,
    metered_program,
    subject_of,
    told,
    told_of_world,
)
from cli.options import DEFAULT_SEED, ScenarioName, Seed, Sets

LEAST_RATES = 2


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests a second, rising. A class, since Typer takes a tuple for several arguments."""

    per_s: tuple[float, ...] = ()


def _rates(text: str) -> Rates:
    rates = tuple(sorted(rate_per_s(part) for part in text.split(",")))
    if len(rates) < LEAST_RATES:
        message = f"found {text!r}, expected two rates or more, such as 15,100,200"
        raise typer.BadParameter(message)
    return Rates(rates)


def calibrate(
    scenario: ScenarioName = MEASURED_SCENARIO,
    *,
    to: Annotated[
        Path, typer.Option(metavar="FILE", help="File to write; replaced if it is there.")
    ] = Path("calibration.toml"),
    rates: Annotated[
        Rates | None,
        typer.Option(
            parser=_rates,
            metavar="A,B,...",
            help="Requests a second of the loads, the low one first; chosen if left out.",
        ),
    ] = None,
    duration: Duration = None,
    warmup: Warmup = None,
    world: World = None,
    sets: Sets = None,
    seed: Seed = DEFAULT_SEED,
) -> None:
    """Measure service times on a server of its own, for --calibration of other commands.

    The server runs at a low load, and at three to eight larger ones until it does not
    keep up: what it uses for a request falls as it gets busier.

    \b
    Examples:
      socialfeed calibrate
      socialfeed calibrate --to mine.toml --duration 30s
      socialfeed calibrate --rates 15,100,200
      socialfeed simulate one_machine --calibration calibration.toml
    """
    from reports.calibration import calibration_text
    from scenarios.loader import load
    from sim.calibration.run import calibrated_bench
    from sim.calibration.writing import write_calibration
    from sim.loadtest.bench import own_bench

    loaded = load(scenario, overrides=sets or [])
    _check_writable(to)
    campaign = campaign_of(
        (rates or Rates()).per_s,
        warmup_s=DEFAULT_WARMUP_S if warmup is None else warmup,
        measured_s=duration or DEFAULT_MEASURED_S,
        seed=seed,
    )
    program = metered_program(scenario, loaded, sets or [])
    users = world or DEFAULT_WORLD
    for load_per_s in campaign.rates_per_s:
        expect_possible(load_per_s, campaign)
    with (
        measuring_errors(),
        own_bench(program, users=users, seed=seed, told=told_of_world) as bench,
    ):
        calibration = calibrated_bench(
            bench, subject_of(scenario, loaded, sets or []), campaign, told=told
        )
    write_calibration(calibration, to)
    typer.echo(calibration_text(calibration), nl=False)
    typer.echo(f"Wrote {to}", err=True)


def _check_writable(path: Path) -> None:
    """Find out, before a long run, whether a file can be written there."""
    from tempfile import TemporaryFile

    try:
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        with TemporaryFile(dir=path.absolute().parent):
            pass
    except OSError as error:
        message = f"--to {path}: {error.strerror}; expected a file that can be written"
        raise CommandError(message, exit_code=ExitCode.BAD_INPUT) from error

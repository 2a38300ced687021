"""What `calibrate` and `validate` share: a server of their own, and how their options are read."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import CommandError, ExitCode
from cli.load_options import duration_s, positive_duration_s, world_users

if TYPE_CHECKING:
    from scenarios.model import Scenario
    from sim.calibration.run import Campaign
    from sim.calibration.subject import Subject
    from sim.loadtest.own_server import Program

MEASURED_SCENARIO = "one_machine"
DEFAULT_WORLD = 2_000
DEFAULT_MEASURED_S = 15.0
DEFAULT_WARMUP_S = 3.0

Duration = Annotated[
    float | None,
    typer.Option(
        parser=positive_duration_s, metavar="DURATION", help="Measured time of each load: 15s."
    ),
]
Warmup = Annotated[
    float | None,
    typer.Option(parser=duration_s, metavar="DURATION", help="Load before that: 3s."),
]
World = Annotated[
    int | None, typer.Option(parser=world_users, metavar="N", help="Users to populate: 2K.")
]


def metered_program(named: str, scenario: "Scenario", sets: Sequence[str]) -> "Program":
    """Return how the scenario's server is started: telling what its boxes use."""
    from sim.loadtest.own_server import Program

    command = (sys.executable, "-m", "cli.main")
    return Program.of(command, scenario, named=named, sets=sets, serve_options=("--server-timing",))


def subject_of(named: str, scenario: "Scenario", sets: Sequence[str]) -> "Subject":
    """Return the scenario as what is calibrated."""
    from scenarios.loader import load
    from sim.calibration.subject import Subject
    from sim.loadtest.traffic import scenario_traffic

    return Subject(
        assumed=scenario,
        calibrated=lambda found: load(named, overrides=sets, calibration=found),
        traffic=scenario_traffic(scenario),
    )


def campaign_of(
    rates_per_s: tuple[float, ...], *, warmup_s: float, measured_s: float, seed: int
) -> "Campaign":
    """Return how a calibration's loads are run, now."""
    from datetime import UTC, datetime

    from server.adapters.clock import SystemClock
    from sim.calibration.run import Campaign

    measured_at = datetime.fromtimestamp(SystemClock().now_ms() // 1000, UTC)
    return Campaign(rates_per_s, warmup_s, measured_s, seed, measured_at)


def expect_possible(rate_per_s: float, campaign: "Campaign") -> None:
    """Find out, before a server is started, whether a schedule can hold a load of `--rates`."""
    from sim.loadtest.schedule import MOST_REQUESTS

    lasts_s = 2 * campaign.measured_s + campaign.warmup_s
    if rate_per_s * lasts_s > MOST_REQUESTS:
        message = (
            f"--rates: found {rate_per_s:g} requests a second for {lasts_s:g} s, expected at most "
            f"{MOST_REQUESTS:,} requests, which is what a schedule holds"
        )
        raise CommandError(message, exit_code=ExitCode.BAD_INPUT)


def told(what: str) -> None:
    """Say on stderr what is being done."""
    typer.echo(what, err=True)


def told_of_world(what: str, done: int, _total: int) -> None:
    """Say on stderr what is being done to the world, once for each step."""
    if not done:
        typer.echo(what, err=True)


@contextmanager
def measuring_errors() -> Iterator[None]:
    """Turn what goes wrong with a measurement into a message and an exit code."""
    from sim.calibration.errors import CalibrationRunError, InterruptedRunError
    from sim.loadtest.errors import ImpossibleLoadError, OwnProcessError, TargetError

    try:
        yield
    except ImpossibleLoadError as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error
    except TargetError as error:
        raise CommandError(str(error), exit_code=ExitCode.TARGET_UNREACHABLE) from error
    except OwnProcessError as error:
        raise CommandError(str(error), exit_code=ExitCode.OUR_FAULT) from error
    except InterruptedRunError as error:
        raise CommandError(str(error), exit_code=ExitCode.INTERRUPTED) from error
    except CalibrationRunError as error:
        raise CommandError(str(error), exit_code=ExitCode.INVALID_RUN) from error

"""`socialfeed loadtest`: the scenario's users against a server that runs."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cli.exits import CommandError, ExitCode
from cli.load_options import (
    MOST_REMOTE_PROCESSES,
    RunShape,
    address,
    duration_s,
    positive_duration_s,
    rate_per_s,
    world_users,
)
from cli.load_options import users as users_of
from cli.numbers import whole_number
from cli.options import (
    DEFAULT_SCENARIO,
    DEFAULT_SEED,
    Dau,
    Json,
    Mau,
    Out,
    ScenarioName,
    Seed,
    Sets,
)
from cli.reporting import expect_report_folder
from sim.loadtest.address import Address

if TYPE_CHECKING:
    from sim.loadtest.study import Request
    from sim.results.loadtest import LoadtestDocument

DEFAULT_RATE_PER_S = 200.0
DEFAULT_DURATION_S = 60.0
DEFAULT_LEVEL_S = 20.0
DEFAULT_WARMUP_S = 5.0
DEFAULT_WORLD = 10_000
DEFAULT_WORLD_BY_API = 300
WEB_PORT = 8089


def loadtest(
    scenario: ScenarioName = DEFAULT_SCENARIO,
    *,
    host: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Target; if left out, a server is started for the test."),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            parser=rate_per_s,
            metavar="N",
            help=f"Requests a second: {DEFAULT_RATE_PER_S:g}, or what --dau comes to.",
        ),
    ] = None,
    dau: Dau = None,
    mau: Mau = None,
    users: Annotated[
        int | None,
        typer.Option(
            parser=users_of,
            metavar="N",
            help="Closed users, who wait for each answer, instead of open arrivals.",
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            parser=positive_duration_s,
            metavar="DURATION",
            help="Measured time: 60s; of each level of --find-max 20s.",
        ),
    ] = None,
    warmup: Annotated[
        float | None,
        typer.Option(
            parser=duration_s, metavar="DURATION", help="Load before that, not measured: 5s."
        ),
    ] = None,
    shape: Annotated[
        RunShape, typer.Option(help="A steady rate, or a day's curve pressed into the duration.")
    ] = RunShape.FLAT,
    world: Annotated[
        int | None,
        typer.Option(
            parser=world_users, metavar="N", help="Users to populate: 10K, or 300 with --host."
        ),
    ] = None,
    find_max: Annotated[
        bool, typer.Option("--find-max", help="Search for the largest load that meets objectives.")
    ] = False,
    processes: Annotated[
        int,
        typer.Option(
            parser=whole_number(least=1), metavar="N", help="Load generators, each with a core."
        ),
    ] = 1,
    master: Annotated[
        bool, typer.Option("--master", help="Wait for --processes generators on other machines.")
    ] = False,
    listen: Annotated[
        Address | None,
        typer.Option(
            parser=address,
            metavar="ADDRESS",
            help="With --master: where, such as 192.168.1.5 (127.0.0.1, port 5557).",
        ),
    ] = None,
    worker: Annotated[
        Address | None,
        typer.Option(parser=address, metavar="HOST", help="Be a generator of the master there."),
    ] = None,
    web: Annotated[
        bool, typer.Option("--web", help="Locust's own page while the test runs.")
    ] = False,
    sets: Sets = None,
    seed: Seed = DEFAULT_SEED,
    as_json: Json = False,
    out: Out = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 3 when an objective is missed.")
    ] = False,
) -> None:
    """Drive a server with the scenario's users, and tell how it did.

    Requests come when they are due, whatever the answers; response times count from then.

    \b
    Examples:
      socialfeed loadtest                        200 requests a second; 60 s
      socialfeed loadtest --rate 400 --duration 30s --out test
      socialfeed loadtest --find-max             the largest load it takes
      socialfeed loadtest --dau 2M --shape day --duration 10m
      socialfeed loadtest --host http://127.0.0.1:8080 --check
      socialfeed loadtest --users 50 --rate 300  users who wait for their answers
    """
    if worker is not None:
        _work(worker)
    _check_combination(
        master=master,
        listen=listen,
        host=host,
        closed=users is not None,
        is_day=shape is RunShape.DAY,
        find_max=find_max,
    )
    _check_processes(processes, is_remote=master)
    from scenarios.loader import load
    from sim.loadtest.own_server import Program
    from sim.loadtest.study import Request

    loaded = load(scenario, dau=dau, mau=mau, overrides=sets or [])
    expect_report_folder(out)
    listening = (listen or _LOOPBACK) if master else None
    if listening is not None:
        _check_free(listening)
        typer.echo(_awaiting(listening, workers=processes), err=True)
    document = _tested(
        Request(
            scenario=loaded,
            program=Program.of(_PROGRAM, loaded, named=scenario, sets=sets or []),
            host=host,
            world=world or (DEFAULT_WORLD if host is None else DEFAULT_WORLD_BY_API),
            rate_per_s=_rate(rate, is_given=dau is not None or users is not None or find_max),
            users=users,
            duration_s=duration or (DEFAULT_LEVEL_S if find_max else DEFAULT_DURATION_S),
            warmup_s=DEFAULT_WARMUP_S if warmup is None else warmup,
            is_day=shape is RunShape.DAY,
            finds_max=find_max,
            processes=processes,
            master=listening,
            web_port=_web_port() if web else None,
            seed=seed,
            command=shlex.join(["socialfeed", *sys.argv[1:]]),
        )
    )
    if out is not None:
        from reports.folder import write_report

        write_report(document, out)
    _print(document, as_json=as_json, out=out)
    code, message = ending(document, check=check)
    if code is not ExitCode.DONE:
        raise CommandError(message, exit_code=code)


_PROGRAM = (sys.executable, "-m", "cli.main")
_LOOPBACK = Address("127.0.0.1")


def _rate(asked: float | None, *, is_given: bool) -> float | None:
    return DEFAULT_RATE_PER_S if asked is None and not is_given else asked


def _check_combination(
    *,
    master: bool,
    listen: Address | None,
    host: str | None,
    closed: bool,
    is_day: bool,
    find_max: bool,
) -> None:
    conflicts = {
        "--listen needs --master": listen is not None and not master,
        "--find-max takes neither --users nor --shape day": find_max and (closed or is_day),
        "--users takes no --shape day: closed users ask when they are answered": closed and is_day,
        "--master on an address of the network needs --host: a server started for the test can "
        "be reached from this machine only": master and _is_remote(listen) and host is None,
    }
    for message, is_so in conflicts.items():
        if is_so:
            raise CommandError(message, exit_code=ExitCode.BAD_INPUT)


def _check_processes(processes: int, *, is_remote: bool) -> None:
    import os

    most = MOST_REMOTE_PROCESSES if is_remote else max(os.cpu_count() or 1, 1)
    if processes > most:
        told = "" if is_remote else ", the cores of this machine (others join by --master)"
        message = f"--processes: found {processes:,}, expected at most {most:,}{told}"
        raise CommandError(message, exit_code=ExitCode.BAD_INPUT)


def _is_remote(listen: Address | None) -> bool:
    return listen is not None and not listen.host.startswith("127.")


def _tested(request: "Request") -> "LoadtestDocument":
    from cli.live import live_watcher
    from sim.loadtest.errors import (
        BadTargetError,
        ImpossibleLoadError,
        OwnProcessError,
        TargetError,
    )
    from sim.loadtest.study import load_tested

    if request.web_port is not None:
        typer.echo(f"Locust's page: http://127.0.0.1:{request.web_port}", err=True)
    try:
        with live_watcher() as watcher:
            return load_tested(request, watcher)
    except (BadTargetError, ImpossibleLoadError) as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error
    except TargetError as error:
        raise CommandError(str(error), exit_code=ExitCode.TARGET_UNREACHABLE) from error
    except OwnProcessError as error:
        raise CommandError(str(error), exit_code=ExitCode.OUR_FAULT) from error
    except KeyboardInterrupt as error:
        message = "interrupted before anything was measured"
        raise CommandError(message, exit_code=ExitCode.INTERRUPTED) from error


def _print(document: "LoadtestDocument", *, as_json: bool, out: Path | None) -> None:
    if as_json:
        from reports.document import to_json

        typer.echo(to_json(document), nl=False)
        return
    from rich.console import Console

    from reports.loadtest.terminal import print_loadtest

    print_loadtest(document, Console(), None if out is None else out / "report.html")


def ending(document: "LoadtestDocument", *, check: bool) -> tuple[ExitCode, str]:
    """Return the exit code, and why it is that one."""
    missed = [objective.name for objective in document.objectives if objective.met is False]
    if document.run.interrupted:
        return ExitCode.INTERRUPTED, "interrupted; what was measured until then is reported"
    if document.target_lost_s is not None:
        message = f"the target stopped answering {document.target_lost_s:.0f} s after the start"
        return ExitCode.TARGET_UNREACHABLE, message
    if not document.valid:
        return ExitCode.INVALID_RUN, f"not valid: {'; '.join(document.invalid_because)}"
    if check and missed:
        return ExitCode.OBJECTIVE_MISSED, f"missed: {', '.join(missed)}"
    return ExitCode.DONE, ""


def _check_free(address: Address) -> None:
    """Check that a master can listen there: Locust would only say so once all is ready."""
    import socket

    try:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address.host, address.port))
    except OSError as error:
        message = (
            f"--listen: found {address} ({error.strerror or error}), expected an address of "
            "this machine with a port that is free"
        )
        raise CommandError(message, exit_code=ExitCode.BAD_INPUT) from error


def _awaiting(address: Address, *, workers: int) -> str:
    command = f"socialfeed loadtest --worker {address}"
    return f"waiting for {workers} of `{command}`, which may be started now"


def _web_port() -> int:
    """Return the usual port of Locust's page, or a free one if that is taken."""
    import socket

    for port in (WEB_PORT, 0):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    message = "no free port for Locust's page"
    raise CommandError(message, exit_code=ExitCode.OUR_FAULT)


def _work(master: Address) -> NoReturn:
    """Be a generator of a master elsewhere, until it has no more to do."""
    from sim.loadtest.crew import work_for

    typer.echo(f"working for the master at {master}, as soon as it is there", err=True)
    failure = work_for(master)
    if failure:
        message = f"--worker: no master to work for at {master.host}: {failure}"
        raise CommandError(message, exit_code=ExitCode.TARGET_UNREACHABLE)
    raise typer.Exit

"""The entry point: registers the commands and turns errors into messages and exit codes."""

import io
import os
import signal
import sys
from dataclasses import dataclass
from typing import Annotated, NoReturn

import typer

from cli.calibrate import calibrate
from cli.dead_letters import dead_letters
from cli.estimate import estimate
from cli.exits import CommandError, ExitCode
from cli.loadtest import loadtest
from cli.populate import populate
from cli.report import report
from cli.scenarios import scenarios
from cli.serve import serve
from cli.simulate import simulate
from cli.validate import validate
from scenarios.errors import ScenarioError

# Plain help starts in half the time of the coloured one, and leaves "[SCENARIO]" as it is.
app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, pretty_exceptions_enable=False)

# The commands, in the order of the help text.
app.command()(estimate)
app.command()(simulate)
app.command()(loadtest)
app.command()(calibrate)
app.command()(validate)
app.command()(serve)
app.command()(populate)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(report, name="report")
app.add_typer(scenarios, name="scenarios")


@dataclass
class Session:
    """What the global options ask of this run."""

    show_traceback: bool = False


def _print_version(*, requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        typer.echo(f"socialfeed {version('socialfeed')}")
        raise typer.Exit


@app.callback()
def socialfeed(
    context: typer.Context,
    *,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="On an error, show where it came from.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback answers, before a command is asked for
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """What it takes to run a social feed: estimated, simulated and served from one scenario.

    \b
    Examples:
      socialfeed simulate --dau 500M --out report  what it takes, as a report
      socialfeed estimate --dau 500M               the arithmetic alone, at once
      socialfeed serve                             a server on 127.0.0.1:8080
    """
    context.obj.show_traceback = traceback


def main() -> None:
    """Run the command line and exit with the code that tells how it went."""
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a sign gets a question mark, not an error at the end.
            stream.reconfigure(errors="replace")
    sys.exit(_exit_code(Session()))


def _terminated(number: int, _frame: object) -> NoReturn:
    """End as Ctrl-C does, so that processes and temporary files are cleaned up."""
    sys.exit(_SIGNALLED + number)


_SIGNALLED = 128
"""What a shell adds to a signal's number for the exit code of what it ended."""


def _exit_code(session: Session) -> int:
    try:
        code = _run_command(session)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough (`| head`): nobody is left to tell.
        _drop_output()
        return ExitCode.OUR_FAULT
    except Exception as error:  # noqa: BLE001 - the one boundary: every error becomes a message
        return _report(error, session)
    return code


def _run_command(session: Session) -> int:
    try:
        app(prog_name="socialfeed", obj=session)
    except SystemExit as end:  # Typer's way to end, also when all went well
        return int(end.code or ExitCode.DONE)
    return ExitCode.DONE


def _report(error: Exception, session: Session) -> ExitCode:
    if session.show_traceback:
        from traceback import print_exception

        print_exception(error)
    match error:
        case CommandError():
            message, code = str(error), error.exit_code
        case ScenarioError():
            message, code = str(error), ExitCode.BAD_INPUT
        case OSError():
            _drop_output()
            message, code = _os_message(error), ExitCode.OUR_FAULT
        case _:
            message = (
                f"unexpected {type(error).__name__}: {error}\n"
                "This is a bug in socialfeed. To see where it happened, put --traceback before "
                "the command: socialfeed --traceback ..."
            )
            code = ExitCode.OUR_FAULT
    typer.echo(f"Error: {message}", err=True)
    return code


def _os_message(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def _drop_output() -> None:
    """Send what stdout still holds nowhere, or the interpreter fails on it when it closes."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    main()

"""`socialfeed dead-letters`: events that the server could not follow up."""

from pathlib import Path
from typing import Annotated

import typer

from cli.exits import CommandError, ExitCode
from cli.numbers import whole_number
from cli.options import Json, data_folder

dead_letters = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

Data = Annotated[
    Path, typer.Option(parser=data_folder, metavar="DIR", help="Folder of the server's data.")
]
DEFAULT_DATA = Path("socialfeed-data")


@dead_letters.callback()
def about() -> None:
    """List events that failed too often, and replay them once the cause is gone.

    \b
    Examples:
      socialfeed dead-letters list --data /var/lib/socialfeed
      socialfeed dead-letters replay             all of them
      socialfeed dead-letters replay 17 18       these two
    """


@dead_letters.command("list")
def show(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """List the dead letters, the oldest first.

    \b
    Examples:
      socialfeed dead-letters list
      socialfeed dead-letters list --json
    """
    import asyncio
    from dataclasses import asdict
    from json import dumps

    from server.adapters.sqlite.dead_letters import list_dead_letters
    from server.errors import DataFolderError

    try:
        letters = asyncio.run(list_dead_letters(data))
    except DataFolderError as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error
    if json:
        told = [{**asdict(letter), "event": letter.event._asdict()} for letter in letters]
        typer.echo(dumps({"dead_letters": told}))
        return
    if not letters:
        typer.echo("there are no dead letters", err=True)
    for letter in letters:
        event = letter.event
        line = (
            f"{letter.sequence}  {letter.queue}  {event.kind} by {event.user_id}"
            f" about {event.subject_id}: {letter.reason}"
        )
        typer.echo(_printable(line))


def _printable(line: str) -> str:
    """Escape what would steer a terminal or end the line: who wrote a dead letter is not known."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)


@dead_letters.command()
def replay(
    sequences: Annotated[
        list[int] | None,
        typer.Argument(
            parser=whole_number(least=1),
            metavar="[NUMBER]...",
            help="Which; all if left out.",
        ),
    ] = None,
    *,
    data: Data = DEFAULT_DATA,
) -> None:
    """Put dead letters back into their queues; a server that runs takes them up.

    \b
    Examples:
      socialfeed dead-letters replay
      socialfeed dead-letters replay 17 18 --data /var/lib/socialfeed
    """
    import asyncio

    from server.adapters.sqlite.dead_letters import replay_dead_letters
    from server.errors import DataFolderError

    try:
        replayed, unknown = asyncio.run(replay_dead_letters(data, sequences or None))
    except DataFolderError as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error
    typer.echo(f"{replayed} replayed")
    if unknown:
        told = ", ".join(map(str, unknown))
        message = f"found no dead letter {told}; `dead-letters list` tells which there are"
        raise CommandError(message, exit_code=ExitCode.BAD_INPUT)

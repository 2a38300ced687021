"""`socialfeed serve`: runs the reference server."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.exits import CommandError, ExitCode


def serve(
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, metavar="PORT", help="Port to listen on; 0 picks a free one."
        ),
    ] = 8080,
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for what is stored; made if missing.")
    ] = Path("socialfeed-data"),
) -> None:
    """Run the reference server.

    It serves until Ctrl+C or SIGTERM.

    \b
    Examples:
      socialfeed serve
      socialfeed serve --port 0                  a free port; the first line tells which
      socialfeed serve --host 0.0.0.0 --data /var/lib/socialfeed
    """
    from server.errors import AddressError, DataFolderError, PortTakenError
    from server.process import run

    def announce(urls: Sequence[str]) -> None:
        typer.echo(f"socialfeed is ready at {' and '.join(urls)} (data in {data})", err=True)

    try:
        run(host=host, port=port, data_folder=data, on_ready=announce)
    except (AddressError, DataFolderError) as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error
    except PortTakenError as error:
        raise CommandError(str(error), exit_code=ExitCode.OUR_FAULT) from error

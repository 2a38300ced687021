"""`socialfeed report`: renders a report again, and puts two runs side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from cli.exits import CommandError, ExitCode

if TYPE_CHECKING:
    from sim.results.simulation import SimulationDocument

_RENDER = "render"


class _TwoFormatsError(CommandError):
    """Asked to print in two formats at once."""

    def __init__(self) -> None:
        super().__init__("found --json and --markdown, expected one", exit_code=ExitCode.BAD_INPUT)


class _FolderOrCommand(TyperGroup):
    """Takes a first word that is no command to be the folder of `report DIR`."""

    def resolve_command(self, ctx, args):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - Typer keeps its types private
        if args and args[0] not in self.commands:
            args = [_RENDER, *args]
        return super().resolve_command(ctx, args)


report = typer.Typer(
    cls=_FolderOrCommand,
    rich_markup_mode=None,
    no_args_is_help=True,
    subcommand_metavar="DIR | compare A B",
)


@report.callback()
def about() -> None:
    """Render a report again, or put two runs side by side.

    \b
    Examples:
      socialfeed report out                    rendered again from out/report.json
      socialfeed report compare out-a out-b    two runs side by side
      socialfeed report compare a.json b.json --json
    """


@report.command(_RENDER, hidden=True)
def render(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with the report.json of a run.")
    ],
) -> None:
    """Render report.html, report.md, the tables and the charts again from DIR/report.json.

    \b
    Examples:
      socialfeed report out
      socialfeed report ./compare           a folder with the name of a command
    """
    from reports.errors import ReportError
    from reports.folder import render_again

    try:
        page = render_again(directory)
    except ReportError as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error
    typer.echo(f"Report: {page}")


@report.command("compare")
def compare_runs(
    a: Annotated[Path, typer.Argument(metavar="A", help="Report folder, or its report.json.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The other one.")],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document, with every figure.")
    ] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """Show two runs side by side: what differs, and by which ratio.

    \b
    Examples:
      socialfeed report compare push pull
      socialfeed report compare push pull --markdown > push-or-pull.md
    """
    from reports.compare import compare, comparison_markdown
    from reports.document import to_json

    if as_json and as_markdown:
        raise _TwoFormatsError
    comparison = compare(_document(a), _document(b))
    if as_json:
        typer.echo(to_json(comparison), nl=False)
    elif as_markdown:
        typer.echo(comparison_markdown(comparison), nl=False)
    else:
        from rich.console import Console

        from reports.terminal import print_comparison

        print_comparison(comparison, Console())


def _document(path: Path) -> "SimulationDocument":
    from reports.document import read_document
    from reports.errors import ReportError

    try:
        return read_document(path)
    except ReportError as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error

"""Where reports go."""

from pathlib import Path

from cli.exits import CommandError, ExitCode


def expect_report_folder(directory: Path | None) -> None:
    """Find out, before a long run, whether a report can be written there, if one is wanted."""
    from reports.errors import ReportError
    from reports.folder import check_writable

    if directory is None:
        return
    try:
        check_writable(directory)
    except ReportError as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error

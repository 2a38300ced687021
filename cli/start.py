"""Where the program starts: stopped while it is being loaded, it ends as quietly as later on."""

import sys


def main() -> None:
    """Run the command line; Ctrl+C ends it quietly from here on."""
    try:
        from cli.main import main as run

        run()
    except KeyboardInterrupt:
        from cli.exits import ExitCode

        sys.exit(ExitCode.INTERRUPTED)

"""The command line: one thin file per command, wired up in `cli.main`."""

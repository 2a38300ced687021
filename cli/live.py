"""How a load test goes, on stderr, and only where somebody watches."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

    from sim.loadtest.measurement import Measurement
    from sim.loadtest.study import Watcher
    from sim.results.loadtest import Level

_AGAIN_S = 1.0


@contextmanager
def live_watcher() -> Iterator["Watcher"]:
    """Show on a terminal what is being done, and the load's figures of the last seconds."""
    from sim.loadtest.study import Watcher

    if not sys.stderr.isatty():
        yield Watcher(warned=_warn)
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    with Live(console=console, transient=True, refresh_per_second=4) as live:
        shown = _Shown(live, console)
        yield Watcher(told=shown.told, measuring=shown.measuring, level=shown.level, warned=_warn)


def _warn(text: str) -> None:
    import typer

    typer.echo(f"Warning: {text}", err=True)


class _Shown:
    def __init__(self, live: "Live", console: "Console") -> None:
        self._live = live
        self._console = console
        self._shown_s = 0.0

    def told(self, what: str, done: int, total: int) -> None:
        share = f" {done / total:.0%}" if total and done else ""
        self._live.update(f"{what}{share}")

    def measuring(self, measurement: "Measurement") -> None:
        # Putting histograms together takes time: once a second is enough for a reader.
        if time.monotonic() < self._shown_s + _AGAIN_S:
            return
        self._shown_s = time.monotonic()
        from sim.loadtest.snapshot import snapshot_line

        self._live.update(snapshot_line(measurement, width=self._console.width))

    def level(self, level: "Level") -> None:
        from sim.loadtest.snapshot import level_line

        self._console.print(level_line(level))

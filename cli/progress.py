"""Progress of a long run, on stderr: a bar where somebody watches, else a line for each step."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

# Takes what is being done, how much of it is done, and of how much, if that is known.
ShowStep = Callable[[str, int, int | None], None]


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal; yield a function to call with how much is done, and of how much."""
    if not _is_watched():
        yield lambda _done, _total: None
        return
    with _bar(what) as show:
        yield lambda done, total: show(what, done, total)


@contextmanager
def quarters_shown(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, or tell each quarter; yield a function as `progress_bar` does."""
    if _is_watched():
        with _bar(what) as show:
            yield lambda done, total: show(what, done, total)
        return
    told = set()

    def tell(done: int, total: int) -> None:
        quarter = 4 * done // total
        if quarter not in told:
            told.add(quarter)
            typer.echo(f"{what}: {25 * quarter} %", err=True)

    yield tell


@contextmanager
def steps_shown(what: str) -> Iterator[ShowStep]:
    """Show a bar on a terminal, or tell each step once; yield a function to call as it goes on."""
    if _is_watched():
        with _bar(what) as show:
            yield show
        return
    told = set()

    def tell(step: str, _done: int, total: int | None) -> None:
        if step not in told:
            told.add(step)
            typer.echo(f"{what}: {step}" + (f" {total:,} rows" if total else ""), err=True)

    yield tell


def _is_watched() -> bool:
    """Whether stderr is a terminal that can redraw a line."""
    if not sys.stderr.isatty():
        return False
    from rich.console import Console

    return not Console(stderr=True).is_dumb_terminal


@contextmanager
def _bar(what: str) -> Iterator[ShowStep]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    columns = (
        TextColumn("{task.description}"),
        # As wide as there is room: the figures come first.
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task(what, total=None)

        def show(step: str, done: int, total: int | None) -> None:
            bar.update(task, description=step, completed=done, total=total)

        yield show

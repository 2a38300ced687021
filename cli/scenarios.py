"""`socialfeed scenarios`: what scenarios there are, what they assume, and whether a file is one."""

import json
from collections.abc import Sized
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import Dau, Json, Mau, Sets

if TYPE_CHECKING:
    from scenarios.assumption import Assumption
    from scenarios.model import Scenario

scenarios = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@scenarios.callback()
def about() -> None:
    """List, show and check scenarios.

    \b
    Examples:
      socialfeed scenarios list
      socialfeed scenarios show news_feed     assumptions, ranges and sources
      socialfeed scenarios check my_feed.toml
      socialfeed scenarios schema > scenario.schema.json
    """


@scenarios.command("list")
def list_scenarios(*, as_json: Json = False) -> None:
    """List the scenarios of the library.

    \b
    Examples:
      socialfeed scenarios list
      socialfeed scenarios list --json
    """
    from scenarios.loader import library_names, load

    library = [load(name) for name in library_names()]
    if as_json:
        _print_json([_summary(scenario) for scenario in library])
        return
    from cli.tables import Row, print_table

    print_table(
        "", [Row((each.name, f"{each.population.dau} a day", each.title)) for each in library]
    )


@scenarios.command()
def show(
    scenario: Annotated[
        str, typer.Argument(metavar="NAME", help="A library name, or a TOML file.")
    ],
    *,
    dau: Dau = None,
    mau: Mau = None,
    sets: Sets = None,
    as_json: Json = False,
) -> None:
    """Show all assumptions of a scenario.

    Each with its value, range, unit and source.

    \b
    Examples:
      socialfeed scenarios show startup
      socialfeed scenarios show news_feed --dau 100M --json
      socialfeed scenarios show my_feed.toml --set fanout=hybrid
    """
    from scenarios.loader import load

    loaded = load(scenario, dau=dau, mau=mau, overrides=sets or [])
    if as_json:
        listed = [
            {
                "key": key,
                "value": float(assumption),
                "low": assumption.low,
                "high": assumption.high,
                "unit": assumption.unit,
                "source": assumption.source,
            }
            for key, assumption in loaded.assumptions()
        ]
        _print_json({"scenario": _summary(loaded), "assumptions": listed})
        return
    _print_assumptions(loaded)


@scenarios.command()
def check(
    scenario: Annotated[
        str, typer.Argument(metavar="FILE", help="A TOML file, or a library name.")
    ],
    *,
    sets: Sets = None,
) -> None:
    """Say whether a scenario is sound.

    If not, name every key that is wrong, with what was expected, and exit with 2.

    \b
    Examples:
      socialfeed scenarios check my_feed.toml
      socialfeed scenarios check my_feed.toml --set fanout=hybrid
    """
    from scenarios.loader import load
    from sim.estimates.book import open_sheet
    from sim.estimates.sizing import sized_fleet

    loaded = load(scenario, overrides=sets or [])
    # Follows every flow and sizes every box: finds estimates that do not exist.
    sized_fleet(open_sheet(loaded))
    population = loaded.population
    typer.echo(
        f"OK: {loaded.name}, {population.dau} daily users, "
        f"{_counted(population.regions, 'region', 'regions')}, "
        f"{_counted(loaded.boxes, 'box', 'boxes')}, {_counted(loaded.flows, 'flow', 'flows')}, "
        f"{_counted(list(loaded.assumptions()), 'assumption', 'assumptions')}"
    )


@scenarios.command()
def schema() -> None:
    """Print the JSON Schema of scenario files.

    An editor that knows it completes and explains keys as one types.

    \b
    Examples:
      socialfeed scenarios schema > scenario.schema.json
    """
    from scenarios.schema import scenario_schema

    _print_json(scenario_schema())


def _print_assumptions(scenario: "Scenario") -> None:
    from cli.tables import Row, print_table

    by_section = groupby(scenario.assumptions(), key=lambda item: item[0].partition(".")[0])
    for section, assumptions in by_section:
        rows = [
            Row((key.removeprefix(f"{section}."), _figure(assumption)), note=assumption.source)
            for key, assumption in assumptions
        ]
        print_table(section, rows)


def _figure(assumption: "Assumption") -> str:
    """Return value, unit and range, such as `191 followers (35 to 350)`."""
    from scenarios.quantities import format_quantity

    low, high = (
        None if end is None else format_quantity(end, assumption.dimension)
        for end in (assumption.low, assumption.high)
    )
    match low, high:
        case None, None:
            within = ""
        case None, _:
            within = f" (up to {high})"
        case _, None:
            within = f" (from {low})"
        case _:
            within = f" ({low} to {high})"
    return f"{assumption}{_UNITS.get(assumption.unit, f' {assumption.unit}')}{within}"


# What the printed quantity says itself.
_UNITS = {"": "", "bytes": "", "s": "", "share": "", "bytes/s": "/s"}


def _summary(scenario: "Scenario") -> dict[str, str | float]:
    return {
        "name": scenario.name,
        "title": scenario.title,
        "description": scenario.description,
        "dau": float(scenario.population.dau),
        "mau": float(scenario.population.mau),
    }


def _counted(things: Sized, one: str, many: str) -> str:
    return f"{len(things)} {one if len(things) == 1 else many}"


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))

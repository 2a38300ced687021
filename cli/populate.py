"""`socialfeed populate`: fills a data folder with a scenario's world."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import CommandError, ExitCode
from cli.options import DEFAULT_SCENARIO, DEFAULT_SEED, ScenarioName, Seed, Sets
from cli.progress import progress_bar

if TYPE_CHECKING:
    import numpy as np

    from scenarios.model import Scenario
    from server.populate import World


def _count(text: str) -> int:
    from scenarios.errors import QuantityError
    from scenarios.quantities import Dimension, parse

    try:
        count = parse(text, Dimension.COUNT)
    except QuantityError as error:
        raise typer.BadParameter(str(error)) from error
    if count < 2:  # noqa: PLR2004 - one user has nobody to follow
        message = f"found {text!r}, expected at least 2 users"
        raise typer.BadParameter(message)
    return round(count)


def populate(
    scenario: ScenarioName = DEFAULT_SCENARIO,
    *,
    users: Annotated[
        int | None,
        typer.Option(parser=_count, metavar="N", help="Users of the world, such as 10K (default)."),
    ] = None,
    days: Annotated[float, typer.Option(min=0, help="Days of posts, up to now.")] = 30,
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to fill: new, or without users.")
    ] = Path("socialfeed-data"),
    sets: Sets = None,
    seed: Seed = DEFAULT_SEED,
) -> None:
    """Fill a data folder for `serve` with users, who follows whom, and posts.

    The numbers of followers have the scenario's power law. Users have no password: `serve --open`.

    \b
    Examples:
      socialfeed populate --users 10K --data world
      socialfeed populate my_feed.toml --users 2K --days 7 --seed 3
    """
    import numpy as np

    from scenarios.loader import load
    from server.adapters.clock import SystemClock
    from server.errors import DataFolderError
    from server.populate import populate as fill

    rng = np.random.default_rng(seed)
    asked = load(scenario, overrides=sets or ())
    world = _drawn_world(asked, users=users or 10_000, days=days, rng=rng)
    try:
        with progress_bar("populate") as progress:
            fill(data, world, clock=SystemClock(), rng=rng, progress=progress)
    except DataFolderError as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error
    typer.echo(
        f"{data}: {world.users} users, {len(world.graph)} follows, {len(world.authors)} posts",
        err=True,
    )


def _drawn_world(
    scenario: "Scenario", *, users: int, days: float, rng: "np.random.Generator"
) -> "World":
    from scenarios.graph import drawn_graph, scaled_to
    from server.populate import World

    distribution = scaled_to(scenario.activity.followers.distribution, users=users)
    graph = drawn_graph(distribution, users=users, rng=rng)
    posts = rng.poisson(users * float(scenario.activity.posting_share) * days)
    return World(graph, users, rng.integers(users, size=posts), days)

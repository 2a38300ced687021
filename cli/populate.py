"""`socialfeed populate`: fills a data folder with a scenario's world."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import CommandError, ExitCode
from cli.options import (
    DEFAULT_PUSH_THRESHOLD,
    DEFAULT_SCENARIO,
    DEFAULT_SEED,
    ScenarioName,
    Seed,
    Sets,
)
from cli.progress import progress_bar
from scenarios.fanout import Fanout

if TYPE_CHECKING:
    import numpy as np

    from scenarios.model import Scenario
    from server.populate import Populated, World


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
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Give each user a token, and write these and the world here."
        ),
    ] = None,
    feeds: Annotated[
        Fanout | None,
        typer.Option(help="Build every feed too, as `serve` with this --fanout fills it."),
    ] = None,
    push_threshold: Annotated[
        int, typer.Option(min=0, help="With --feeds hybrid: as for `serve`.")
    ] = DEFAULT_PUSH_THRESHOLD,
    sets: Sets = None,
    seed: Seed = DEFAULT_SEED,
) -> None:
    """Fill a data folder for `serve` with users, who follows whom, and posts.

    The numbers of followers have the scenario's power law. Users have no password: use `serve
    --open`, or the tokens of a manifest.

    \b
    Examples:
      socialfeed populate --users 10K --data world
      socialfeed populate --data world --manifest world.npz   with a token for each user
      socialfeed populate --data world --feeds push           for `serve --fanout push`
      socialfeed populate my_feed.toml --users 2K --days 7 --seed 3
    """
    import secrets
    from dataclasses import replace

    import numpy as np

    from scenarios.loader import load
    from server.adapters.clock import SystemClock
    from server.errors import DataFolderError
    from server.populate import populate as fill
    from server.services.feed_generator import FeedSettings

    rng = np.random.default_rng(seed)
    asked = load(scenario, overrides=sets or ())
    world = _drawn_world(asked, users=users or 10_000, days=days, rng=rng)
    if feeds is not None:
        world = replace(world, feeds=FeedSettings(feeds, push_threshold))
    if manifest is not None:
        world = replace(world, tokens=[secrets.token_urlsafe(32) for _ in range(world.users)])
    try:
        with progress_bar("populate") as progress:
            filled = fill(data, world, clock=SystemClock(), rng=rng, progress=progress)
    except DataFolderError as error:
        raise CommandError(str(error), exit_code=ExitCode.BAD_INPUT) from error
    if manifest is not None:
        _write_manifest(manifest, world, filled)
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


def _write_manifest(file: Path, world: "World", filled: "Populated") -> None:
    """Write the world's arrays as an .npz archive that only its owner can read."""
    import numpy as np

    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as archive:
        np.savez(
            archive,
            user_ids=filled.user_ids,
            tokens=np.asarray(world.tokens),
            followers=world.graph.followers,
            followees=world.graph.followees,
            post_ids=filled.post_ids,
            authors=world.authors,
        )
